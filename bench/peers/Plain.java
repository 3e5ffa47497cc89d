import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A plain consumer: Plain BOOTSTRAP TOPIC RECORDS FROM UNTIL RULES raw|json. `raw` only hands the records over; `json` parses
 * them with Jackson and finds the rules in a map. Prints a line of JSON: what it took and what it found.
 */
public class Plain {
  static class Rule {
    double threshold = 90;
    boolean firing;
  }

  public static void main(String[] args) throws Exception {
    long records = Long.parseLong(args[2]);
    Span span = new Span(Long.parseLong(args[3]), Long.parseLong(args[4]));
    int rules = Integer.parseInt(args[5]);
    boolean json = args[6].equals("json");
    Map<String, List<Rule>> view = new HashMap<>();
    for (int i = 0; i < rules; i++) view.computeIfAbsent("cpu-usage-server-" + i, k -> new ArrayList<>()).add(new Rule());
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("max.poll.records", "5000");
    settings.put("fetch.max.bytes", "52428800");
    settings.put("max.partition.fetch.bytes", "4194304");
    ObjectReader reader = new ObjectMapper().readerFor(JsonNode.class);
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (var info : consumer.partitionsFor(args[1])) partitions.add(new TopicPartition(args[1], info.partition()));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long seen = 0, fired = 0, places = 0;
      while (seen < records) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          seen++;
          if (!json) continue;
          double value = ((JsonNode) reader.readValue(record.value())).get("value").asDouble();
          List<Rule> found = view.get(record.key());
          if (found == null) continue;
          for (Rule rule : found) {
            boolean breach = value > rule.threshold;
            if (breach && !rule.firing) {
              fired++;
              places += record.offset() * 20 + record.partition();
            }
            rule.firing = breach;
          }
        }
        span.reached(seen);
      }
      System.out.println(span.line(seen, fired, places));
    }
  }
}
