import { initialResponse, MECHANISM_NAMES, type MechanismName } from '../../src/protocol/sasl';
import { hex, hexOf } from './bytes';

const NUL = '00';
const LOGIN = '05 4c4f47494e 53';
const PASSWORD = '08 50415353574f5244 53';

/** Bytes that connection.start-ok carries as `response` for the user `gäst` with the password `a😀`. */
test.each<[MechanismName, string]>([
  // RFC 4616: authorization identity (none), NUL, user, NUL, password
  ['PLAIN', `${NUL} 67c3a47374 ${NUL} 61f09f9880`],
  // a table without the four octets of its length
  ['AMQPLAIN', `${LOGIN} 00000005 67c3a47374 ${PASSWORD} 00000005 61f09f9880`],
  ['EXTERNAL', ''],
  ['ANONYMOUS', ''],
])('%s has the initial response of its specification', (mechanism, response) => {
  expect(initialResponse(mechanism, { username: 'gäst', password: 'a😀' })).toEqual(hex(response));
});

test('the mechanisms that are built in are four', () => {
  expect(MECHANISM_NAMES).toEqual(['PLAIN', 'AMQPLAIN', 'EXTERNAL', 'ANONYMOUS']);
});

test('PLAIN and AMQPLAIN take empty credentials', () => {
  const nobody = { username: '', password: '' };
  expect(initialResponse('PLAIN', nobody)).toEqual(hex(`${NUL} ${NUL}`));
  expect(initialResponse('AMQPLAIN', nobody)).toEqual(hex(`${LOGIN} 00000000 ${PASSWORD} 00000000`));
});

test.each(['PLAIN', 'AMQPLAIN'] as const)(
  '%s takes a token of 20,000 characters as password',
  (mechanism) => {
    const token = '€'.repeat(20_000);
    const response = initialResponse(mechanism, { username: 'jwt', password: token });
    const head =
      mechanism === 'PLAIN' ? '00 6a7774 00' : `${LOGIN} 00000003 6a7774 ${PASSWORD} ${hexOf(60_000, 4)}`;
    expect(response?.equals(Buffer.concat([hex(head), Buffer.from(token)]))).toBe(true);
  },
);
