// librdkafka's batch API with long queues, checksums on: BOOTSTRAP TOPIC RECORDS FROM UNTIL. All partitions from their beginning.
// Counted over what bench/support/measured-span.ts says; prints a line of JSON. Built with gcc -O2 ... -lrdkafka.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
  long records;
  long long cpu_ns, wall_ns;
} moment;

static long long began_ns;

static long long wall_now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static moment now(long records) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  long long cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  moment found = {records, cpu_us * 1000, wall_now() - began_ns};
  return found;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[512];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "%s\n", error);
    exit(1);
  }
}

int main(int count, char **args) {
  if (count != 6) return 1;
  began_ns = wall_now();
  long records = atol(args[3]), from = atol(args[4]), until = atol(args[5]);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", args[1]);
  set(conf, "group.id", "peer");
  set(conf, "check.crcs", "true");
  set(conf, "enable.auto.commit", "false");
  set(conf, "queued.min.messages", "1000000");
  set(conf, "queued.max.messages.kbytes", "32768");
  set(conf, "fetch.message.max.bytes", "4194304");
  set(conf, "fetch.max.bytes", "52428800");
  char error[512];
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (!client) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(20);
  for (int partition = 0; partition < 20; partition++)
    rd_kafka_topic_partition_list_add(all, args[2], partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client, all);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
  static rd_kafka_message_t *messages[10000];
  long seen = 0;
  unsigned long long checksum = 0;
  moment begun = {0, 0, 0}, ended = {0, 0, 0};
  while (seen < records) {
    ssize_t got = rd_kafka_consume_batch_queue(queue, 500, messages, 10000);
    for (ssize_t i = 0; i < got; i++) {
      rd_kafka_message_t *message = messages[i];
      if (!message->err) {
        seen++;
        checksum += ((unsigned char *)message->key)[message->key_len - 1] + ((unsigned char *)message->payload)[12] + message->len;
      }
      rd_kafka_message_destroy(message);
    }
    if (!begun.records && seen >= from) begun = now(seen);
    if (!ended.records && seen >= until) ended = now(seen);
  }
  printf("{\"records\":%ld,\"checksum\":%llu,\"cold\":{\"records\":%ld,\"cpuNs\":%lld,\"wallNs\":%lld},"
         "\"warm\":{\"records\":%ld,\"cpuNs\":%lld,\"wallNs\":%lld}}\n",
         seen, checksum, begun.records, begun.cpu_ns, begun.wall_ns, ended.records - begun.records,
         ended.cpu_ns - begun.cpu_ns, ended.wall_ns - begun.wall_ns);
  fflush(stdout);
  // What is queued behind need not be waited for.
  _Exit(0);
}
