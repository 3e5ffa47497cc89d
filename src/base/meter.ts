import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** Counters, gauges and histograms of one process, in Prometheus' text format. Names begin with `ssrms_`. */
export class Meter {
  readonly #registry = new Registry();

  /** With the figures of the process itself (memory, event loop, garbage collection). */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  counter<Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> {
    return new Counter({ name: `ssrms_${name}`, help, labelNames, registers: [this.#registry] });
  }

  /** `collect` is called when somebody asks for the figures, to set the gauge then. */
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    collect?: (gauge: Gauge<Label>) => void,
  ): Gauge<Label> {
    return new Gauge<Label>({
      name: `ssrms_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      ...(collect && {
        collect(this: Gauge<Label>) {
          collect(this);
        },
      }),
    });
  }

  /** Buckets in seconds. */
  histogram<Label extends string = never>(
    name: string,
    help: string,
    bucketsSeconds: readonly number[],
    labelNames: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({
      name: `ssrms_${name}`,
      help,
      buckets: [...bucketsSeconds],
      labelNames,
      registers: [this.#registry],
    });
  }

  readonly contentType = this.#registry.contentType;

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
