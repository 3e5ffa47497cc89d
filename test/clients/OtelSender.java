import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;

/** A service that counts with OpenTelemetry; all its settings come from the environment. */
class OtelSender {
  public static void main(String[] args) {
    try (var sdk = AutoConfiguredOpenTelemetrySdk.initialize().getOpenTelemetrySdk()) {
      var failed = sdk.getMeter("shop").counterBuilder("java.orders.failed").build();
      failed.add(3, Attributes.of(AttributeKey.stringKey("region"), "north"));
    }
  }
}
