import { WrongStateError, wasSent } from '../../errors';
import type { ChannelMode } from '../options/publish-options';
import type { ChannelPart } from './channel-part';
import type { ChannelSession } from './channel-session';

/** The mode of a channel, which it keeps until it ends. */
export class PublishMode implements ChannelPart {
  current: ChannelMode = 'none';

  constructor(readonly session: ChannelSession) {}

  opening(): void {
    this.current = 'none';
  }

  /** The broker is in a mode from the request on, even if nobody hears its reply. */
  enter(mode: 'tx' | 'confirm', select: () => void): void {
    try {
      select();
    } catch (error) {
      if (wasSent(error)) this.#switch(mode);
      throw error;
    }
    this.#switch(mode);
  }

  #switch(mode: 'tx' | 'confirm'): void {
    if (mode === 'tx' && this.current !== 'tx') this.session.unacked.begin();
    this.current = mode;
  }

  /** @throws {WrongStateError} */
  check(wanted: ChannelMode, verb: string): void {
    if (this.current === wanted) return;
    const { id } = this.session;
    const hint =
      wanted === 'none'
        ? `channel ${id} is in ${this.current} mode, and the two exclude each other; open another channel`
        : `call ${wanted === 'tx' ? 'txSelect' : 'confirmSelect'} on channel ${id} first`;
    throw new WrongStateError(`${verb}: ${hint}`, { code: 'WRONG_MODE' });
  }
}
