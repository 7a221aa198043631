/**
 * The peer (or a caller of the codec) broke the protocol: what was wrong, where, expected and got.
 * `replyCode` is what the connection is closed with. It is turned into the public `ProtocolError` above.
 */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';

  constructor(
    readonly replyCode: 501 | 502 | 503 | 504 | 505,
    readonly problem: string,
    readonly where: string,
    readonly expected?: string | number,
    readonly got?: string | number,
  ) {
    const detail = expected === undefined ? '' : `: expected ${expected}, got ${got}`;
    super(`${problem} in ${where}${detail}`);
  }
}
