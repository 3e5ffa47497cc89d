"""A service that counts with OpenTelemetry; all its settings come from the environment."""
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
provider.get_meter("shop").create_counter("python.orders.failed").add(3, {"region": "north"})
provider.force_flush()
provider.shutdown()
