/** What becomes of a connection's parameters before anything is sent. */
import { ssl } from '../../../src/compat/amqpy';
import { connectOptions } from '../../../src/compat/amqpy/settings';
import { CONNECTION } from '../../../src/compat/amqpy/signatures';
import type { Keywords } from '../../support/facades/amqpy';

const options = (keywords: Keywords = {}) => connectOptions(CONNECTION.__init__([keywords]));

test('nothing is taken from the environment, and nothing is limited but the way to the broker', () => {
  expect(options()).toMatchObject({
    ...{
      hostname: 'localhost',
      port: 5672,
      tls: false,
      username: 'guest',
      password: 'guest',
    },
    ...{
      authMechanism: 'AMQPLAIN',
      vhost: '/',
      locale: 'en_US',
      channelMax: 65_535,
      frameMax: 131_072,
      heartbeat: 0,
    },
    callTimeout: Number.POSITIVE_INFINITY,
  });
  expect(options()).not.toHaveProperty('connectTimeout');
  expect(options()).not.toHaveProperty('clientProperties');
});

test('seconds are seconds, but a heartbeat is a whole number of them', () => {
  const given = options({ connect_timeout: 1.5, heartbeat: 0.5, compat: { call_timeout: 0.25 } });
  expect(given).toMatchObject({ connectTimeout: 1500, heartbeat: 1, callTimeout: 250 });
});

describe('ssl', () => {
  test('does not change the port, and believes anybody unless told otherwise', () => {
    expect(options({ ssl: {} })).toMatchObject({ port: 5672, tls: { rejectUnauthorized: false } });
    for (const cert_reqs of [ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL])
      expect(options({ ssl: { cert_reqs } }).tls).toEqual({ rejectUnauthorized: true });
  });

  test('its options by their Python names; those that mean nothing here are taken and forgotten', () => {
    const given = {
      ...{
        keyfile: 'key.pem',
        certfile: 'cert.pem',
        ca_certs: 'ca.pem',
        ciphers: 'HIGH',
        server_hostname: 'rabbit',
      },
      ...{ password: 'secret', cert_reqs: ssl.CERT_REQUIRED, ssl_version: 2, suppress_ragged_eofs: true },
    };
    expect(options({ ssl: given }).tls).toEqual({
      ...{
        keyFile: 'key.pem',
        certFile: 'cert.pem',
        caFile: 'ca.pem',
        ciphers: 'HIGH',
        servername: 'rabbit',
      },
      ...{ passphrase: 'secret', rejectUnauthorized: true },
    });
    expect(options({ ssl: { keyfile: null, ca_certs: null } }).tls).toEqual({ rejectUnauthorized: false });
  });
});
