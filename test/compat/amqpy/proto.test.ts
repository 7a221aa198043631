/** Frames and methods: bytes of the specification, there and back. */
import {
  FrameSyntaxError,
  InvalidCommand,
  Message,
  proto,
  spec,
  UnexpectedFrame,
} from '../../../src/compat/amqpy';
import { METHODS } from '../../../src/protocol/methods';
import { thrownBy } from '../../support/connect';

const { Frame, Method } = proto;
const { FrameType } = spec;
const hex = (frame: InstanceType<typeof Frame>) => frame.data.toString('hex');

describe('spec', () => {
  test('has the constants of amqpy', () => {
    expect(spec.FRAME_MIN_SIZE).toBe(4096);
    expect(FrameType).toEqual({ METHOD: 1, HEADER: 2, BODY: 3, HEARTBEAT: 8, END: 206 });
  });

  test('has the methods by class', () => {
    expect(spec.Queue.Declare).toEqual([50, 10]);
    expect(spec.Basic.GetOk).toEqual(new spec.method_t(60, 71));
    expect(spec.Connection.UpdateSecret.method_id).toBe(70);
    expect([
      spec.Connection.CLASS_ID,
      spec.Channel.CLASS_ID,
      spec.Exchange.CLASS_ID,
      spec.Tx.CLASS_ID,
    ]).toEqual([10, 20, 40, 90]);
    expect([spec.Confirm.Select, spec.Access.Request]).toEqual([
      [85, 10],
      [30, 10],
    ]);
    expect(spec.method_name(new spec.method_t({ class_id: 90, method_id: 20 }))).toBe('tx.commit');
    expect(spec.method_name(new spec.method_t(1, 1))).toBe('');
  });

  test('has tuples with names', () => {
    expect(spec.queue_declare_ok_t._fields).toEqual(['queue', 'message_count', 'consumer_count']);
    expect(spec.basic_return_t._fields).toEqual([
      'reply_code',
      'reply_text',
      'exchange',
      'routing_key',
      'message',
    ]);
    expect(spec.method_t._fields).toEqual(['class_id', 'method_id']);
  });
});

describe('Frame', () => {
  test('is written as type, channel, size, payload and end', () => {
    const frame = new Frame(FrameType.BODY, 258, Buffer.from('abc'));
    expect(hex(frame)).toBe('03' + '0102' + '00000003' + '616263' + 'ce');
    expect([frame.frame_type, frame.channel, frame.payload_size, frame.payload.toString()]).toEqual([
      3,
      258,
      3,
      'abc',
    ]);
  });

  test('its data may be manipulated', () => {
    const frame = new Frame({ frame_type: FrameType.BODY, payload: Buffer.from('abc') });
    frame.payload[0] = 0x7a;
    expect(frame.payload.toString()).toBe('zbc');
    frame.data = Buffer.from('08000000000000ce', 'hex');
    expect([frame.frame_type, frame.payload_size, frame.payload.length]).toEqual([FrameType.HEARTBEAT, 0, 0]);
  });

  test('is made of bytes that came, or of none', () => {
    const bytes = new Frame(FrameType.METHOD, 1, Buffer.of(1, 2)).data;
    const frame = new Frame(bytes);
    expect([frame.frame_type, frame.channel, frame.payload]).toEqual([1, 1, Buffer.of(1, 2)]);
    expect(frame.data).not.toBe(bytes);
    expect(new Frame().data).toHaveLength(0);
  });
});

describe('Method', () => {
  test('dumps the bytes of a method', () => {
    const method = new Method(spec.Queue.Purge, { queue: 'tasks', no_wait: true }, null, 1);
    expect(hex(method.dump_method_frame())).toBe(
      '010001' + '0000000d' + '0032001e' + '0000' + '057461736b73' + '01' + 'ce',
    );
  });

  test('arguments by name or in order; what is left out is zero, false, empty', () => {
    const dumped = (args: proto.MethodArguments | readonly unknown[]) =>
      hex(new Method({ method_type: spec.Exchange.Declare, args, channel_id: 2 }).dump_method_frame());
    expect(dumped(['e', 'direct', false, true])).toBe(
      dumped({ exchange: 'e', type: 'direct', durable: true }),
    );
    expect(dumped(['e', 'direct', false, true])).toBe(
      '010002' + '00000014' + '0028000a' + '0000' + '0165' + '06646972656374' + '02' + '00000000' + 'ce',
    );
  });

  test('every method of AMQP is loaded as it was dumped', () => {
    for (const [name, { id }] of Object.entries(METHODS)) {
      const method = new Method(new spec.method_t(id >>> 16, id & 0xffff), null, null, 3);
      const loaded = new Method();
      loaded.load_method_frame(method.dump_method_frame());
      expect([spec.method_name(loaded.method_type), loaded.channel_id]).toEqual([name, 3]);
      expect(hex(new Method(loaded.method_type, loaded.args, null, 3).dump_method_frame())).toBe(
        hex(method.dump_method_frame()),
      );
    }
  });

  test('values are loaded as they were dumped', () => {
    const args = {
      queue: 'q',
      passive: false,
      durable: true,
      exclusive: false,
      auto_delete: true,
      no_wait: false,
      arguments: { 'x-max': 5, list: ['a', null] },
    };
    const loaded = new Method();
    loaded.load_method_frame(new Method(spec.Queue.Declare, args, null, 9).dump_method_frame());
    expect(loaded.args).toEqual(args);
    expect(loaded.method_type).toEqual(spec.Queue.Declare);
  });

  test('a message in pieces, out and in', () => {
    const content = new Message('hello world', {
      content_type: 'text/plain',
      application_headers: { foo: 7 },
      priority: 3,
    });
    const sent = new Method(
      spec.Basic.Publish,
      { exchange: 'e', routing_key: 'k', mandatory: true },
      content,
      4,
    );
    const bodies = [...sent.dump_body_frame(4)];
    expect(bodies.map((frame) => frame.payload.toString())).toEqual(['hell', 'o wo', 'rld']);
    expect(bodies.map((frame) => [frame.frame_type, frame.channel])).toEqual(
      Array(3).fill([FrameType.BODY, 4]),
    );
    const header = sent.dump_header_frame();
    expect(header.frame_type).toBe(FrameType.HEADER);
    expect(header.payload.subarray(0, 12).toString('hex')).toBe('003c' + '0000' + '000000000000000b');

    const came = new Method();
    came.load_method_frame(sent.dump_method_frame());
    expect(came.complete).toBe(false);
    came.load_header_frame(header);
    for (const frame of bodies) {
      expect(came.complete).toBe(false);
      came.load_body_frame(frame);
    }
    expect(came.complete).toBe(true);
    expect(came.content?.properties).toEqual(content.properties);
    expect(came.content?.body).toEqual(Buffer.from('hello world'));
    expect(came.args).toEqual({ exchange: 'e', routing_key: 'k', mandatory: true, immediate: false });
  });

  test('an empty message is complete with its header', () => {
    const sent = new Method(spec.Basic.Publish, null, new Message(), 1);
    expect([...sent.dump_body_frame(100)]).toEqual([]);
    const came = new Method();
    came.load_header_frame(sent.dump_header_frame());
    expect(came.complete).toBe(true);
  });

  test('a large one does not need more frames than it has to', () => {
    const body = Buffer.alloc(300_000, 7);
    const method = new Method(
      spec.Basic.Publish,
      { routing_key: 'k'.repeat(255) },
      new Message(body, { application_headers: { x: 'y'.repeat(5000) } }),
      1,
    );
    const frames = [...method.dump_body_frame({ chunk_size: 131_072 - 8 })];
    expect(frames.map((frame) => frame.data.length)).toEqual([131_072, 131_072, 300_000 - 2 * 131_064 + 8]);
    expect(Buffer.concat(frames.map((frame) => frame.payload)).equals(body)).toBe(true);
    expect(method.dump_header_frame().payload_size).toBeGreaterThan(5000);
  });

  test('refuses what goes wrong, and says what it was', () => {
    expect(() => new Method().dump_method_frame()).toThrow(
      'method_type must be a method of AMQP 0-9-1, got None',
    );
    expect(() => new Method(new spec.method_t(1, 1)).dump_method_frame()).toThrow(
      'must be a method of AMQP 0-9-1',
    );
    expect(() => new Method(spec.Queue.Purge, { que: 'x' }).dump_method_frame()).toThrow(
      "queue.purge got an unexpected argument 'que'",
    );
    expect(() => new Method(spec.Queue.Purge, ['q', true, 1])).toThrow(
      'queue.purge takes 2 arguments but 3 were given',
    );
    expect(() => new Method(spec.Queue.Purge, { queue: 'x'.repeat(256) }).dump_method_frame()).toThrow(
      RangeError,
    );
    expect(() => new Method(spec.Queue.Purge).dump_header_frame()).toThrow('the method has no content');
    expect(() => [...new Method(spec.Basic.Publish, null, new Message('x')).dump_body_frame(0)]).toThrow(
      RangeError,
    );
    const load = (bytes: string) => () =>
      new Method().load_method_frame(new Frame(FrameType.METHOD, 1, Buffer.from(bytes, 'hex')));
    expect(thrownBy(load('003200ff'))).toBeInstanceOf(InvalidCommand);
    expect(thrownBy(load('0032001e000005'))).toBeInstanceOf(FrameSyntaxError);
    expect(thrownBy(load('00'))).toBeInstanceOf(FrameSyntaxError);
    const came = new Method();
    const body = new Frame(FrameType.BODY, 1, Buffer.from('too long'));
    expect(thrownBy(() => came.load_body_frame(body))).toBeInstanceOf(UnexpectedFrame);
    came.load_header_frame(new Method(spec.Basic.Publish, null, new Message('short')).dump_header_frame());
    expect(thrownBy(() => came.load_body_frame(body))).toBeInstanceOf(UnexpectedFrame);
  });
});
