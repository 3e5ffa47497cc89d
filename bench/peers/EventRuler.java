import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import software.amazon.event.ruler.Machine;

/** AWS's event-ruler: EventRuler RULES_FILE EVENTS_FILE EVENTS. A rule is a line of JSON; its patterns are parsed when it is added. */
public class EventRuler {
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[2]);
    List<String> rules = Files.readAllLines(Path.of(args[0]));
    List<String> events;
    try (var lines = Files.lines(Path.of(args[1]))) {
      // One JSON object: the metric's name beside the value and the tags.
      events = lines.limit(count).map(line -> {
        int tab = line.indexOf('\t');
        return "{\"metric\": \"" + line.substring(0, tab) + "\", " + line.substring(tab + 2);
      }).collect(Collectors.toList());
    }
    System.gc();
    Runtime memory = Runtime.getRuntime();
    long emptyBytes = memory.totalMemory() - memory.freeMemory(), begin = System.nanoTime();
    Machine machine = Machine.builder().build();
    for (int i = 0; i < rules.size(); i++) machine.addRule("r" + i, rules.get(i));
    double buildMs = (System.nanoTime() - begin) / 1e6;
    System.gc();
    long bytes = memory.totalMemory() - memory.freeMemory() - emptyBytes;
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long matched = 0, places = 0, cpu = 0;
    for (int pass = 0; pass < 2; pass++) {
      matched = 0;
      places = 0;
      cpu = system.getProcessCpuTime();
      for (int i = 0; i < events.size(); i++) {
        for (String ignored : machine.rulesForJSONEvent(events.get(i))) {
          matched++;
          places += i;
        }
      }
      cpu = system.getProcessCpuTime() - cpu;
    }
    System.out.printf("{\"nsPerEvent\":%.1f,\"buildMs\":%.1f,\"bytesPerRule\":%.1f,\"found\":{\"%d\":{\"matched\":%d,\"places\":%d}}}%n",
        (double) cpu / events.size(), buildMs, (double) bytes / rules.size(), events.size(), matched, places);
  }
}
