import java.util.Properties;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Fills a topic with samples that have tags: WideLoad BOOTSTRAP TOPIC RECORDS NAMES CODEC. A key of 25 bytes, a value of 104, about
 * 1,000 records a batch. The same bytes for the same arguments.
 */
public class WideLoad {
  static final int VALUE_BYTES = 104, BATCH_BYTES = 144 * 1000;

  public static void main(String[] args) throws Exception {
    int records = Integer.parseInt(args[2]);
    int names = Integer.parseInt(args[3]);
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("linger.ms", "1000");
    settings.put("batch.size", String.valueOf(BATCH_BYTES));
    settings.put("compression.type", args[4]);
    settings.put("buffer.memory", "67108864");
    settings.put("max.request.size", "4194304");
    Random random = new Random(42);
    try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < records; i++) {
        int name = random.nextInt(names);
        String key = String.format("cpu-usage-server-%08d", name);
        StringBuilder value = new StringBuilder("{\"value\": ").append(random.nextInt(10_000) / 100.0);
        value.append(", \"tags\": {\"machine_id\": \"").append(name).append("\", \"zone\": \"eu-central-1");
        value.append((char) ('a' + name % 3)).append("\", \"team\": \"");
        while (value.length() < VALUE_BYTES - 3) value.append((char) ('a' + random.nextInt(26)));
        value.setLength(VALUE_BYTES - 3);
        producer.send(new ProducerRecord<>(args[1], key.getBytes(), value.append("\"}}").toString().getBytes()));
      }
      producer.flush();
      System.out.println("{\"records\":" + records + "}");
    }
  }
}
