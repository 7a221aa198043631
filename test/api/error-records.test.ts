import * as amqp from '../../src';
import { closeRecord, parseRecord, violationRecord } from '../../src/contract/error-record';
import { fromRecord } from '../../src/errors';
import { ProtocolViolation } from '../../src/protocol/violation';

/** Every reply code by which a broker closes a connection: the name in its record is that of an exported class. */
test.each([200, 311, 320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541, 599])(
  'the record of connection.close %d is an error of the class that it names',
  (replyCode) => {
    const record = closeRecord(replyCode, 'text', 'queue.declare');
    const error = fromRecord(record);
    expect(Object.entries(amqp)).toContainEqual([record.name, error.constructor]);
    expect(error).toMatchObject({ replyCode, replyText: 'text', method: 'queue.declare', origin: 'broker' });
  },
);

test('the record of a violation is a ProtocolError', () => {
  const record = violationRecord(new ProtocolViolation(501, 'bad frame', 'frame header', 'a type', 9));
  expect(fromRecord(record)).toBeInstanceOf(amqp.ProtocolError);
});

test('a report that was cut short still says what it can', () => {
  expect(fromRecord(parseRecord('{"name":"Conn'))).toBeInstanceOf(amqp.ConnectionClosedError);
});
