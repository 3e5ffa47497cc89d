/** The result of one check. `fail`: the part does not work; `warn`: it works, and an operator should look at it. */
export interface HealthReport {
  readonly status: 'pass' | 'warn' | 'fail';
  readonly detail?: string;
}

/** The parts of a process that can be asked how they are. Names and details hold no secret. */
export class Health {
  readonly #checks = new Map<string, () => HealthReport>();
  readonly #unready = new Set<string>();

  add(name: string, check: () => HealthReport): void {
    this.#checks.set(name, check);
  }

  /** The process is not ready until the returned function was called. */
  awaitReady(name: string): () => void {
    this.#unready.add(name);
    return () => this.#unready.delete(name);
  }

  /** The names of the parts that are still starting. */
  starting(): string[] {
    return [...this.#unready];
  }

  report(): { status: HealthReport['status']; checks: Record<string, HealthReport> } {
    const checks = Object.fromEntries([...this.#checks].map(([name, check]) => [name, check()]));
    const statuses = Object.values(checks).map((check) => check.status);
    const status = statuses.includes('fail') ? 'fail' : statuses.includes('warn') ? 'warn' : 'pass';
    return { status, checks };
  }
}
