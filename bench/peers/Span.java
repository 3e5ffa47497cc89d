import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What a run is counted over, as bench/support/measured-span.ts says; processor time is of all threads. */
class Span {
  private final OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private final long startedMs = ManagementFactory.getRuntimeMXBean().getStartTime();
  private final long until;
  private long[] begun, ended;
  long next;

  Span(long from, long until) {
    this.next = from;
    this.until = until;
  }

  void reached(long records) {
    if (records < next) return;
    if (begun == null) {
      begun = now(records);
      next = until;
    } else {
      if (ended == null) ended = now(records);
      next = Long.MAX_VALUE;
    }
  }

  String line(long records, long fired, long places) {
    long[] end = ended == null ? now(records) : ended;
    long[] cold = begun == null ? end : begun;
    long[] from = begun == null ? new long[3] : begun;
    return String.format("{\"records\":%d,\"cold\":%s,\"warm\":%s,\"fired\":%d,\"places\":%d}", records, moment(cold),
        moment(new long[] {end[0] - from[0], end[1] - from[1], end[2] - from[2]}), fired, places);
  }

  private String moment(long[] at) {
    return String.format("{\"records\":%d,\"cpuNs\":%d,\"wallNs\":%d}", at[0], at[1], at[2]);
  }

  private long[] now(long records) {
    return new long[] {records, system.getProcessCpuTime(), (System.currentTimeMillis() - startedMs) * 1_000_000};
  }
}
