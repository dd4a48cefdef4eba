// A message centre for tests, of npm's `smpp`: takes messages, reports of them, and misbehaves when it is told to.
// It says what happens, a line of JSON each, and listens to commands on its input, a line each.
'use strict';

const [modules, key, cert] = process.argv.slice(2);
const smpp = require(modules);
const { readFileSync } = require('node:fs');

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const told = { throttle: 0, refuse: 0, mute: false, deaf: false, receipt: 'DELIVRD' };
const sessions = new Set();
let names = 0;

function submitted(session, pdu) {
    const text = pdu.short_message.message;
    say({ submit: { to: pdu.destination_addr, from: pdu.source_addr, coding: pdu.data_coding, text: text.toString(),
        udh: pdu.short_message.udh ? pdu.short_message.udh.map((part) => part.toString('hex')) : null,
        lives: Math.round((pdu.validity_period - Date.now()) / 1000), receipt: pdu.registered_delivery, at: Date.now() } });
    if (told.mute) { return; }
    if (told.die) { sessions.forEach((other) => other.destroy()); return; }
    if (told.throttle > 0) {
        told.throttle -= 1;
        session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
        return;
    }
    if (told.refuse > 0) {
        told.refuse -= 1;
        session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
        return;
    }
    names += 1;
    const name = `m-${names}`;
    session.send(pdu.response({ message_id: name }));
    if (told.receipt) { report(session, name, pdu, told.receipt); }
}

function report(session, name, pdu, stat) {
    session.deliver_sm({
        esm_class: 0x04,
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        short_message: `id:${name} sub:001 dlvrd:001 submit date:2603020900 done date:2603020900 stat:${stat} err:000 text:`,
    }, (response) => say({ receipt: response.command_status }));
}

const options = key ? { key: readFileSync(key), cert: readFileSync(cert) } : {};
const server = smpp.createServer(options, (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
    session.on('bind_transceiver', (pdu) => {
        say({ bind: { id: pdu.system_id, password: pdu.password, version: pdu.interface_version } });
        const fits = pdu.password === 's3cret';
        session.send(pdu.response({ command_status: fits ? smpp.ESME_ROK : smpp.ESME_RINVPASWD }));
    });
    session.on('submit_sm', (pdu) => submitted(session, pdu));
    session.on('enquire_link', (pdu) => {
        say({ enquired: true });
        if (!told.deaf) { session.send(pdu.response()); }
    });
    session.on('unbind', (pdu) => { say({ unbind: true }); session.send(pdu.response()); session.close(); });
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));

require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    Object.assign(told, JSON.parse(line));
    say({ told: true });
});
