import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describeOptions } from '../../worker/connection/failure';

describe('a key whose passphrase is wrong', () => {
  const { privateKey: key } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' },
  });

  function refusal(passphrase: string): Error | undefined {
    try {
      createPrivateKey({ key, passphrase });
    } catch (error) {
      return error as Error;
    }
    return undefined;
  }

  it('is told from a key in no known format, though OpenSSL says the same of both for some', () => {
    const misleading = Array.from({ length: 5000 }, (_, i) => `wrong ${i}`).find(
      (each) => !/bad decrypt/i.test(refusal(each)!.message),
    )!;
    const error = refusal(misleading)!;
    expect(error.message).toMatch(/DECODER|asn1/i);
    const reason = describeOptions(error, { key, passphrase: misleading });
    expect(reason).toContain('the passphrase does not open tls.key');
    expect(describeOptions(error, { key: [Buffer.from(key)], passphrase: misleading })).toBe(reason);
    expect(describeOptions(error, { key })).toContain('tls.key is encrypted, and there is no passphrase');
  });

  it('is not blamed where the passphrase is right', () => {
    const error = new Error('error:0480006C:PEM routines::no start line');
    expect(describeOptions(error, { key, passphrase: 'right' })).toContain('PEM is expected');
  });
});
