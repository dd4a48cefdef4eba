/**
 * A state with a name, and a table of the moves it may make; any other move is a mistake of this program.
 * @template {string} S
 * @param {string} subject for the error's text
 * @param {Record<S, readonly NoInfer<S>[]>} moves from each state, where to
 * @param {NoInfer<S>} first
 */
export function stateMachine(subject, moves, first) {
  let state = first;
  return {
    /** @returns {S} */
    get state() {
      return state;
    },
    /** @param {S} next */
    move(next) {
      if (!moves[state].includes(next)) throw new Error(`${subject}: no way from ${state} to ${next}`);
      state = next;
    },
    /** @param {S[]} states */
    is(...states) {
      return states.includes(state);
    },
  };
}
