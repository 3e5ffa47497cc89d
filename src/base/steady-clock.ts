/**
 * The clock of this machine without the short jumps of its wall clock. A sample without a timestamp gets its time from
 * here, and how far ahead or behind a sample may be is measured from here: one wrong answer of a time server must not
 * date samples an hour ahead, and thereby stop the windows of their series for an hour.
 *
 *   wall clock                                   this clock
 *   moves by up to a second (NTP slews)          shows the wall clock
 *   has moved by more                            goes on from the last agreed time, by the elapsed time
 *   has stood at the new time for 60 s           shows the wall clock again
 *
 * The elapsed time must count what the machine was suspended for. Linux' CLOCK_MONOTONIC, which performance.now() reads,
 * does not: a laptop that wakes after a night would look as if its wall clock had jumped, its samples would be dated
 * yesterday for a minute, and those of correct devices be refused as too far ahead. Linux counts suspension in the uptime
 * (CLOCK_BOOTTIME); macOS and Windows count it in performance.now(). So a wake-up is no jump, and needs no waiting.
 *
 * What is left is bounded by the 60 s: a virtual machine that was paused, whose clocks all stood still, shows a wrong time
 * until its wall clock is set, and a minute longer here. A process that starts with a wrong wall clock has nothing to
 * compare it with, and follows a minute after it is set.
 */
import { uptime } from 'node:os';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** A wall clock that differs by more has jumped. NTP steps a clock from 128 ms on, and slews what is less. */
const jumpMsMin = 1_000;
/** A jump that lasts this long is accepted as the new time. */
const jumpLastsMsMin = 60_000;
/** How often the wall clock is compared while the time is not asked for, so that drift does not count as a jump. */
const lookEveryMs = 1_000;

export interface SteadyClock extends Clock {
  /** Compares the clocks once a second, until the returned function is called. */
  watch(): () => void;
}

/** `elapsedMs` never jumps and counts suspension; see above. Jumps are logged. */
export function steadyClock(system: Clock, logger: Logger, elapsedMs = elapsedWithSuspensionMs): SteadyClock {
  let seenWallMs = system.wallMs();
  /** Wall clock less elapsed time, as last agreed. */
  let agreedMs = seenWallMs - elapsedMs();
  let jump: { offsetMs: number; readonly sinceMs: number } | undefined;

  const look = (): number => {
    const wallMs = system.wallMs();
    const atMs = elapsedMs();
    const offsetMs = wallMs - atMs;
    seenWallMs = wallMs;
    if (near(offsetMs, agreedMs)) {
      if (jump !== undefined) logger.info('the system clock is back where it was before it jumped');
      return agree(wallMs, offsetMs);
    }
    if (jump === undefined) {
      const note = 'the system clock jumped; the jump is ignored until it has lasted 60 s';
      logger.warn({ bySeconds: (offsetMs - agreedMs) / 1_000 }, note);
    }
    if (jump === undefined || !near(offsetMs, jump.offsetMs)) jump = { offsetMs, sinceMs: atMs };
    jump.offsetMs = offsetMs;
    if (atMs - jump.sinceMs < jumpLastsMsMin) return Math.round(agreedMs + atMs);
    logger.warn(
      { bySeconds: (offsetMs - agreedMs) / 1_000 },
      'the jump of the system clock has lasted, and is followed',
    );
    return agree(wallMs, offsetMs);
  };
  const agree = (wallMs: number, offsetMs: number): number => {
    agreedMs = offsetMs;
    jump = undefined;
    return wallMs;
  };
  return {
    ...system,
    wallMs() {
      // The uptime costs microseconds: not asked for while the wall clock has hardly moved since it was compared.
      const sinceMs = system.wallMs() - seenWallMs;
      return jump === undefined && sinceMs >= 0 && sinceMs < lookEveryMs / 10 ? seenWallMs + sinceMs : look();
    },
    watch: () => system.every(lookEveryMs, look),
  };
}

function near(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) <= jumpMsMin;
}

function elapsedWithSuspensionMs(): number {
  return process.platform === 'linux' ? uptime() * 1_000 : performance.now();
}
