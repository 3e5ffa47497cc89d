# A stand-in for apache/kafka where images cannot be pulled: Kafka's jars, and what of its scripts compose.kafka.yaml uses.
FROM localhost/ssrms-debian
COPY --from=jars . /opt/kafka/libs
COPY kafka-broker-api-versions.sh kafka-start.sh /opt/kafka/bin/
RUN groupadd --gid 1000 kafka && useradd --uid 1000 --gid kafka --create-home kafka \
  && mkdir -p /var/lib/kafka/data && chown -R kafka:kafka /var/lib/kafka
USER kafka
VOLUME /var/lib/kafka/data
CMD ["/opt/kafka/bin/kafka-start.sh"]
