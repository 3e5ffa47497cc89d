import java.util.Properties;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Fills a topic with random walks: Load BOOTSTRAP TOPIC RECORDS NAMES CODEC. The same bytes for the same arguments. */
public class Load {
  public static void main(String[] args) throws Exception {
    int records = Integer.parseInt(args[2]);
    int names = Integer.parseInt(args[3]);
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("linger.ms", "20");
    settings.put("batch.size", "65536");
    settings.put("compression.type", args[4]);
    settings.put("buffer.memory", "67108864");
    byte[][] keys = new byte[names][];
    double[] values = new double[names];
    Random random = new Random(42);
    for (int i = 0; i < names; i++) {
      keys[i] = ("cpu-usage-server-" + i).getBytes();
      values[i] = 5 + random.nextDouble() * 85;
    }
    try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < records; i++) {
        int k = random.nextInt(names);
        values[k] = Math.max(5, Math.min(95, values[k] + (random.nextDouble() - 0.5) * 4));
        double value = Math.round(values[k] * 100) / 100.0;
        String number = value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
        producer.send(new ProducerRecord<>(args[1], keys[k], ("{\"value\": " + number + "}").getBytes()));
      }
      producer.flush();
      System.out.println("{\"records\":" + records + "}");
    }
  }
}
