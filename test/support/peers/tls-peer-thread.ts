import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { type MessagePort, workerData } from 'node:worker_threads';
import type { TlsPeerNews, TlsPeerOptions } from './tls-peer';

const { port, options } = workerData as { port: MessagePort; options: TlsPeerOptions };
const tell = (news: TlsPeerNews) => port.postMessage(news);

/** Counts what a client sends, and says what became of it. */
function listen(socket: Socket, sni: string | undefined): void {
  let bytes = 0;
  socket.on('data', (data) => {
    bytes += data.length;
  });
  socket.on('error', () => {});
  socket.on('close', () => tell({ bytes, sni }));
}

/** The name that the client under way has asked for. */
let asked: string | undefined;
const SNICallback = (name: string, done: (error: null) => void) => {
  asked = name;
  done(null);
};

const server = options.cert
  ? createTls({ ...options, SNICallback }, (socket: TLSSocket) =>
      listen(socket, socket.servername || undefined),
    )
  : createTcp((socket) => listen(socket, undefined));
server.on('connection', () => {
  asked = undefined;
});
server.on('tlsClientError', (error) => tell({ bytes: 0, sni: asked, error: error.message }));
server.listen(0, '127.0.0.1', () => tell({ listening: (server.address() as AddressInfo).port }));
