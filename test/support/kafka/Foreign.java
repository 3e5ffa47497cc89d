import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes what other clients than ours may write. Usage: Foreign.java BOOTSTRAP compressed TOPIC CODEC COUNT | transactions
 * TOPIC | open TOPIC MILLISECONDS. All goes to partition 0.
 */
public class Foreign {
  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    switch (args[1]) {
      case "compressed" -> compressed(args[2], args[3], Integer.parseInt(args[4]));
      case "transactions" -> transactions(args[2]);
      case "open" -> open(args[2], Integer.parseInt(args[3]));
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  private static KafkaProducer<String, String> producer(Map<String, Object> more) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("linger.ms", "200");
    properties.put("batch.size", "200000");
    properties.putAll(more);
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  private static KafkaProducer<String, String> transactional(String id) {
    KafkaProducer<String, String> producer = producer(Map.of("transactional.id", id + System.nanoTime()));
    producer.initTransactions();
    return producer;
  }

  private static void send(KafkaProducer<String, String> producer, String topic, String prefix, int count) {
    for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, 0, "k", prefix + "-" + i));
    producer.flush();
  }

  /** In a few batches; with headers; every tenth record has no key, every eleventh no value. */
  private static void compressed(String topic, String codec, int count) throws Exception {
    try (KafkaProducer<String, String> producer = producer(Map.of("compression.type", codec))) {
      List<java.util.concurrent.Future<?>> sent = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        String key = i % 10 == 0 ? null : "key-" + i;
        String value = i % 11 == 0 ? null : codec + "-" + i;
        var headers = List.<org.apache.kafka.common.header.Header>of(
            new RecordHeader("trace", new byte[] {1, 2, 3}), new RecordHeader("empty", null));
        sent.add(producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i, key, value, headers)));
      }
      for (var future : sent) future.get(20, TimeUnit.SECONDS);
    }
  }

  private static void transactions(String topic) {
    try (var plain = producer(Map.of()); var first = transactional("first"); var second = transactional("second")) {
      send(plain, topic, "plain-a", 3);
      first.beginTransaction();
      send(first, topic, "committed-a", 3);
      first.commitTransaction();
      first.beginTransaction();
      send(first, topic, "aborted-a", 3);
      first.abortTransaction();
      // Two at once, with different ends.
      first.beginTransaction();
      second.beginTransaction();
      send(first, topic, "aborted-b", 2);
      send(second, topic, "committed-b", 2);
      send(first, topic, "aborted-c", 2);
      send(plain, topic, "plain-b", 2);
      second.commitTransaction();
      first.abortTransaction();
      // So much lies between the first record and the marker that they come in different answers.
      first.beginTransaction();
      send(first, topic, "aborted-d", 3);
      for (int i = 0; i < 40; i++) send(plain, topic, "filler-" + "x".repeat(100_000) + i, 1);
      send(first, topic, "aborted-e", 3);
      for (int i = 0; i < 40; i++) send(plain, topic, "filler-" + "y".repeat(100_000) + i, 1);
      first.abortTransaction();
      // The same producer goes on, and what it commits counts.
      first.beginTransaction();
      send(first, topic, "committed-c", 3);
      first.commitTransaction();
      send(plain, topic, "plain-c", 1);
    }
  }

  /** Leaves a transaction open, with something behind it; the broker takes it back after the time given. */
  private static void open(String topic, int milliseconds) {
    var options = Map.<String, Object>of(
        "transactional.id", "open" + System.nanoTime(), "transaction.timeout.ms", milliseconds, "delivery.timeout.ms", milliseconds,
        "request.timeout.ms", milliseconds - 300);
    var producer = producer(options);
    producer.initTransactions();
    producer.beginTransaction();
    send(producer, topic, "open", 2);
    try (var plain = producer(Map.of())) {
      send(plain, topic, "behind", 2);
    }
    Runtime.getRuntime().halt(0);
  }
}
