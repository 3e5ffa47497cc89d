#!/bin/bash
# Starts a broker by its environment, as the image apache/kafka does: KAFKA_LOG_DIRS becomes log.dirs.
set -euo pipefail
properties=/tmp/server.properties
env | sed -n 's/^KAFKA_//p' | while IFS='=' read -r name value; do
  echo "$(echo "$name" | tr '[:upper:]_' '[:lower:].')=$value"
done >"$properties"
java=(java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted -t 5L6g3nShT-eMCtK--X86sw -c "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
