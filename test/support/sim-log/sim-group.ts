import type { Clock } from '../../../src/base/clock.ts';
import { ClaimLost, OffsetGone, type Claim } from '../../../src/log/log.ts';
import type { NewRecord, RecordChunk } from '../../../src/log/record.ts';
import type { SimLog } from './sim-log.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimStore } from './sim-store.ts';

const firstClaimBackMs = 10 * 60_000;

export type Handle = (claim: Claim) => Promise<void>;

/** One process's part in a group. */
export interface Member {
  readonly log: SimLog;
  readonly process: SimProcess;
  readonly handle: Handle;
}

/** What a claim is of. */
interface Claimed {
  readonly store: SimStore;
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  readonly clock: Clock;
}

/** A partition in the hands of a member, as the member sees it: it may have been lost without the member's knowing. */
export class SimClaim implements Claim {
  readonly partition: number;
  readonly committed: number | undefined;
  readonly start: number;
  readonly member: Member;
  readonly #of: Claimed;
  readonly #lost = new AbortController();
  /** Whether the group knows this claim as the owner. */
  isOwner = true;
  /** A paused process wakes and has not looked at the clock yet: it takes itself for the owner. */
  believes = false;
  /** When the head was last heard; undefined means now. */
  heardAtMs: number | undefined;

  constructor(of: Claimed, member: Member) {
    this.#of = of;
    this.member = member;
    this.partition = of.partition;
    this.committed = of.store.position(of.group, of.partition);
    this.start = this.committed ?? of.store.offsetSince(of.topic, of.partition, of.clock.wallMs() - firstClaimBackMs);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** The member learns that the partition is no longer its own. */
  lose(): void {
    this.#lost.abort();
  }

  /** The claim is over: nothing is done under it any more. */
  close(): void {
    this.isOwner = false;
    this.believes = false;
    this.#lost.abort();
  }

  isHeld(): boolean {
    return this.isOwner || this.believes;
  }

  head(): { offset: number; heardAtMs: number } {
    const { next } = this.#of.store.partition(this.#of.topic, this.partition);
    return { offset: next, heardAtMs: this.heardAtMs ?? this.#of.clock.monotonicMs() };
  }

  async *read(fromOffset: number): AsyncGenerator<RecordChunk, void, undefined> {
    const { store, topic } = this.#of;
    const bounds = store.bounds(topic, this.partition);
    if (fromOffset < bounds.first || fromOffset > bounds.next) throw new OffsetGone(fromOffset, bounds);
    for (let offset = fromOffset; !this.signal.aborted;) {
      await store.grown(topic, this.partition, offset, this.signal);
      if (this.signal.aborted) return;
      let chunk: RecordChunk | undefined;
      const readChunk = (): void => {
        const now = store.bounds(topic, this.partition);
        if (offset < now.first || offset > now.next) throw new OffsetGone(offset, now);
        chunk = store.chunk(topic, this.partition, offset, now.next);
      };
      const read = await this.member.process.ask(`read ${topic}`, [readChunk], () => chunk!);
      if (this.signal.aborted) return;
      if (read.nextOffset === offset) continue;
      yield read;
      offset = read.nextOffset;
    }
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<{ partition: number; offset: number }[]> {
    this.#refuseWhenLost();
    return this.member.log.append(topic, records);
  }

  async commit(nextOffset: number): Promise<void> {
    this.#refuseWhenLost();
    const { store, group, partition } = this.#of;
    const setPosition = (): void => {
      // The group refuses the commits of a former generation, however late they come.
      if (!this.isOwner) throw this.#lostError();
      store.setPosition(group, partition, nextOffset);
    };
    return this.member.process.ask(`commit ${nextOffset}`, [setPosition], () => {});
  }

  #refuseWhenLost(): void {
    if (!this.isHeld()) throw this.#lostError();
  }

  #lostError(): ClaimLost {
    return new ClaimLost(`${this.member.process.name} has lost partition ${this.partition}`);
  }
}

/** Who owns which partition of a topic. A partition changes hands when its owner has settled, or is expelled. */
export class SimGroup {
  readonly #store: SimStore;
  readonly #clock: Clock;
  readonly #topic: string;
  readonly #name: string;
  readonly #members = new Set<Member>();
  readonly #owners: (Member | undefined)[];
  readonly #stops: AbortController[];
  readonly #runs: Promise<void>[];
  readonly claims = new Set<SimClaim>();
  /** Called with each claim before it is handled. */
  onClaim: (claim: SimClaim) => void = () => {};
  /** Called with what a handler threw. */
  onFailure: (error: unknown) => void = () => {};

  constructor({ store, clock }: { store: SimStore; clock: Clock }, topic: string, name: string) {
    const count = store.topic(topic)!.partitions.length;
    this.#store = store;
    this.#clock = clock;
    this.#topic = topic;
    this.#name = name;
    this.#owners = Array.from({ length: count }, () => undefined);
    this.#stops = Array.from({ length: count }, () => new AbortController());
    this.#runs = Array.from({ length: count }, () => Promise.resolve());
  }

  /** Takes part until the signal aborts; resolves when all the member's partitions have settled. */
  async join(member: Member, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#members.add(member);
    this.#rebalance();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (!this.#members.delete(member)) return;
    const settled = this.#runs.filter((_, partition) => this.#owners[partition] === member);
    this.#rebalance();
    await Promise.all(settled);
  }

  /** Throws a process out that is dead or silent: others may have its partitions at once, settled or not. */
  expel(process: SimProcess): void {
    for (const member of this.#members) if (member.process === process) this.#members.delete(member);
    for (const claim of this.claims) if (claim.member.process === process) claim.isOwner = false;
    for (const [partition, owner] of this.#owners.entries()) {
      if (owner?.process !== process) continue;
      this.#owners[partition] = undefined;
      this.#stops[partition] = new AbortController();
      this.#runs[partition] = Promise.resolve();
    }
    this.#rebalance();
  }

  /** As evenly as possible, moving as few as possible. */
  #rebalance(): void {
    const members = [...this.#members];
    const share = (member: Member): number => this.#owners.filter((owner) => owner === member).length;
    const poorest = (): Member => members.toSorted((one, other) => share(one) - share(other))[0]!;
    const richest = (): Member => members.toSorted((one, other) => share(other) - share(one))[0]!;
    for (const [partition, owner] of this.#owners.entries()) {
      if (owner === undefined || !this.#members.has(owner))
        this.#give(partition, members.length > 0 ? poorest() : undefined);
    }
    while (members.length > 0 && share(richest()) > share(poorest()) + 1) {
      this.#give(this.#owners.indexOf(richest()), poorest());
    }
  }

  #give(partition: number, member: Member | undefined): void {
    if (this.#owners[partition] === member) return;
    this.#owners[partition] = member;
    this.#stops[partition]!.abort();
    const stop = (this.#stops[partition] = new AbortController());
    if (member === undefined) return;
    this.#runs[partition] = this.#runs[partition]!.then(() => this.#run(member, partition, stop.signal));
  }

  async #run(member: Member, partition: number, stopped: AbortSignal): Promise<void> {
    while (this.#owners[partition] === member && !stopped.aborted && !member.process.isDead) {
      const of = { store: this.#store, clock: this.#clock, topic: this.#topic, group: this.#name, partition };
      const claim = new SimClaim(of, member);
      const lose = (): void => claim.lose();
      const ends = [stopped, member.process.end];
      for (const end of ends) end.addEventListener('abort', lose);
      this.claims.add(claim);
      this.onClaim(claim);
      try {
        await member.handle(claim);
      } catch (error) {
        this.onFailure(error);
        // Begun anew, from the committed position, after a moment.
        await member.process.ask('begin anew', [], () => {}).catch(() => {});
      } finally {
        for (const end of ends) end.removeEventListener('abort', lose);
        claim.close();
        this.claims.delete(claim);
      }
    }
  }
}
