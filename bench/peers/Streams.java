import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/**
 * Kafka Streams: Streams BOOTSTRAP TOPIC RECORDS FROM UNTIL RULES at_least_once|exactly_once_v2 STATE_FOLDER. Alarms go to
 * the topic peer-alarms. Prints a line of JSON: what it took and what it found.
 */
public class Streams {
  static final AtomicLong seen = new AtomicLong(), fired = new AtomicLong(), places = new AtomicLong();

  static class Evaluate extends ContextualFixedKeyProcessor<String, byte[], byte[]> {
    final Map<String, boolean[]> firing = new HashMap<>();
    final ObjectReader reader = new ObjectMapper().readerFor(JsonNode.class);

    Evaluate(int rules) {
      for (int i = 0; i < rules; i++) firing.put("cpu-usage-server-" + i, new boolean[1]);
    }

    @Override
    public void process(FixedKeyRecord<String, byte[]> record) {
      seen.incrementAndGet();
      try {
        double value = ((JsonNode) reader.readValue(record.value())).get("value").asDouble();
        boolean[] state = firing.get(record.key());
        if (state == null) return;
        boolean breach = value > 90;
        if (breach && !state[0]) {
          var place = context().recordMetadata().get();
          fired.incrementAndGet();
          places.addAndGet(place.offset() * 20 + place.partition());
          context().forward(record);
        }
        state[0] = breach;
      } catch (java.io.IOException unreadable) {
        // Not in this load.
      }
    }
  }

  public static void main(String[] args) throws Exception {
    long records = Long.parseLong(args[2]);
    int rules = Integer.parseInt(args[5]);
    Properties settings = new Properties();
    settings.put("application.id", "peer-" + System.nanoTime());
    settings.put("bootstrap.servers", args[0]);
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "5000");
    settings.put("max.partition.fetch.bytes", "4194304");
    settings.put("processing.guarantee", args[6]);
    settings.put("state.dir", args[7]);
    settings.put("replication.factor", 1);
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(args[1], Consumed.with(Serdes.String(), Serdes.ByteArray())).processValues(() -> new Evaluate(rules))
        .to("peer-alarms", Produced.with(Serdes.String(), Serdes.ByteArray()));
    Span span = new Span(Long.parseLong(args[3]), Long.parseLong(args[4]));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    while (seen.get() < records) {
      Thread.sleep(2);
      span.reached(seen.get());
    }
    System.out.println(span.line(seen.get(), fired.get(), places.get()));
    Runtime.getRuntime().halt(0);
  }
}
