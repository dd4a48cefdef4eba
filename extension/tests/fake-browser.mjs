/** The part of a browser that the worker sees: ports, windows, a native host that is played by the test. */

export const EXTENSION_ID = 'janafhkdmnhiphgcpjmeohjibkidkkib';
const WINDOW_URL = `chrome-extension://${EXTENSION_ID}/window/pin.html`;

/** Lets everything that is ready to run, run. */
export const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
};

class FakeEvent {
  listeners = [];
  addListener(listener) {
    this.listeners.push(listener);
  }
  emit(...values) {
    for (const listener of this.listeners) listener(...values);
  }
}

/** One end of a port: `sent` is what the worker said, `say` is the other end speaking. */
export class FakePort {
  onMessage = new FakeEvent();
  onDisconnect = new FakeEvent();
  sent = [];
  closed = false;
  constructor(name, sender) {
    this.name = name;
    this.sender = sender;
  }
  postMessage(message) {
    if (this.closed) throw new Error('Attempting to use a disconnected port object');
    this.sent.push(structuredClone(message));
  }
  disconnect() {
    this.closed = true;
  }
  say(message) {
    this.onMessage.emit(message);
    return settle();
  }
  leave() {
    this.closed = true;
    this.onDisconnect.emit(this);
    return settle();
  }
}

export const TOKEN = {
  id: 't1',
  name: { label: 'Рутокен', serial: '0a1b', model: 'ECP' },
  pin: { tries: 'full', toBeChanged: false, pad: false, minLength: 6, maxLength: 32 },
};

/** A browser with our worker in it; `host` answers the frames of the worker, `undefined` leaves one waiting. */
export class FakeBrowser {
  natives = [];
  windowsOpen = new Set();
  hello = { event: 'hello', protocolVersion: 1, protocolMinor: 2, hostVersion: '0.1.0' };
  #lastWindow = 100;

  constructor() {
    const events = { onConnect: new FakeEvent(), onRemoved: new FakeEvent() };
    this.events = events;
    this.api = {
      runtime: {
        id: EXTENSION_ID,
        lastError: undefined,
        onConnect: events.onConnect,
        getURL: (path) => `chrome-extension://${EXTENSION_ID}/${path}`,
        getManifest: () => ({ version: '0.1.0' }),
        connectNative: (name) => this.#connectNative(name),
      },
      windows: {
        onRemoved: events.onRemoved,
        get: async () => ({ left: 0, top: 0, width: 1000, height: 800 }),
        update: async () => ({}),
        create: async () => {
          const id = ++this.#lastWindow;
          this.windowsOpen.add(id);
          return { id, tabs: [{ id: id * 10 }] };
        },
        remove: async (id) => this.personCloses(id),
      },
    };
  }

  host({ command }) {
    if (command === 'tokenDetails') return { result: { token: TOKEN, containers: [] } };
    if (command === 'storeState') return { result: { moduleRegistered: true, module: 'm' } };
    if (command === 'cancel') return { result: { found: true } };
    return undefined;
  }

  #connectNative(name) {
    const port = new FakePort(name);
    const send = port.postMessage.bind(port);
    port.postMessage = (frame) => {
      send(frame);
      const answer = this.host(frame);
      if (answer) queueMicrotask(() => port.say({ id: frame.id, ...answer }));
    };
    this.natives.push(port);
    if (this.hello) queueMicrotask(() => port.say(this.hello));
    return port;
  }

  /** The last host that was started. */
  get native() {
    return this.natives.at(-1);
  }

  /** Frames to the hosts, with this command. */
  frames(command) {
    return this.natives.flatMap((port) => port.sent).filter((frame) => frame.command === command);
  }

  /** The host closes, or could not be started. */
  async hostEnds(message) {
    this.api.runtime.lastError = { message };
    await this.native.leave();
    this.api.runtime.lastError = undefined;
  }

  async personCloses(id = [...this.windowsOpen].at(-1)) {
    this.windowsOpen.delete(id);
    this.events.onRemoved.emit(id);
    await settle();
  }

  async #connect(port) {
    this.events.onConnect.emit(port);
    await settle();
    return port;
  }

  page(sender = {}) {
    const there = { id: EXTENSION_ID, frameId: 0, tab: { id: 1, windowId: 1 }, origin: 'http://localhost:8080' };
    return this.#connect(new FakePort('page', { ...there, url: 'http://localhost:8080/', ...sender }));
  }

  /** The page in the window that was opened last. */
  window(sender = {}) {
    const tab = { id: [...this.windowsOpen].at(-1) * 10 };
    return this.#connect(new FakePort('window', { id: EXTENSION_ID, frameId: 0, tab, url: WINDOW_URL, ...sender }));
  }
}
