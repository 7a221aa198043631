import { connect } from '../../../src';
import { Link } from '../../../src/bridge/link';
import { writePublish } from '../../../src/client/channel/publish-writer';
import { Pump } from '../../../src/client/pump';
import { privateQueue, shared } from '../../support/connect';

/** How a message gets into the ring, where that is hard to bring about from outside. */
const MIB = 1 << 20;

it('large headers that take the room of the body: nothing else may be written between the frames', () => {
  const link = new Link(MIB, false, 1000);
  const pump = new Pump(link, { route: () => {}, died: () => {}, report: (error) => error });
  pump.frameMax = 131_072;
  const undisturbed = jest.spyOn(pump, 'undisturbed');
  // the socket takes nothing until the body asks for room again
  jest.spyOn(pump, 'room').mockImplementation((size) => {
    if (!link.outbound.hasRoom(size)) link.outbound.hasRoom = () => true;
    return true;
  });
  jest.spyOn(link, 'send').mockImplementation(() => {});
  const channel = {
    id: 1,
    isOpen: true,
    interruptions: 1,
    checkOpen: () => {},
    host: { pump, recovery: { currentAddress: <O>(options: O): O => options } },
  };
  const headers = { padding: 'x'.repeat(100_000) };
  const publication = { address: {}, properties: { headers }, body: Buffer.alloc(MIB - 20_000) };
  writePublish(channel, publication, performance.now() + 1000);
  expect(undisturbed).toHaveBeenCalledTimes(1);
});

it('arguments larger than a frame are refused in words', () => {
  const channel = shared().channel();
  const queue = privateQueue(channel);
  const huge = { arguments: { padding: 'x'.repeat(200_000) } };
  expect(() => channel.basicConsume(queue, () => {}, huge)).toThrow(RangeError);
  expect(() => channel.consume(queue, huge)).toThrow('basic.consume does not fit in');
  expect(channel.isOpen).toBe(true);
  channel.close();
});

it('clientProperties larger than a frame are refused in words', () => {
  const clientProperties = { padding: 'x'.repeat(100_000) };
  expect(() => connect({ clientProperties })).toThrow('clientProperties does not fit in 65536 bytes');
});
