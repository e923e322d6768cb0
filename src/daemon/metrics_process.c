#include <inttypes.h>

#include "daemon/daemon.h"
#include "daemon/metrics_page.h"
#include "io/loop.h"
#include "io/usage.h"
#include "model/settings.h"
#include "util/str.h"

#include "config.h"

void
metrics_add_process(const struct daemon *daemon, struct strbuf *out)
{
	struct usage usage;

	usage_read(&usage);
	metrics_head(out, "build_info", "gauge", "1; the version and the node's name as labels.");
	strbuf_printf(out, "metallb_build_info{version=\"%s\",node=\"%s\"} 1\n", PACKAGE_VERSION,
	    daemon->settings->node.name);
	/* These three by the names that every exporter has. */
	strbuf_printf(out,
	    "# HELP process_start_time_seconds When the daemon was started.\n"
	    "# TYPE process_start_time_seconds gauge\n"
	    "process_start_time_seconds %.3f\n"
	    "# HELP process_cpu_seconds_total Time on a processor.\n"
	    "# TYPE process_cpu_seconds_total counter\n"
	    "process_cpu_seconds_total %.6f\n"
	    "# HELP process_resident_memory_bytes Memory in use.\n"
	    "# TYPE process_resident_memory_bytes gauge\n"
	    "process_resident_memory_bytes %" PRIu64 "\n",
	    (double)daemon->started_wall_usec / USEC_PER_SEC, (double)usage.cpu_usec / USEC_PER_SEC,
	    usage.resident_bytes);
}

/* A histogram of Prometheus is cumulative, the loop's buckets are not. */
static void
add_turns(const struct loop_stats *stats, struct strbuf *out)
{
	uint64_t sum = 0;
	int i;

	metrics_head(out, "loop_turn_seconds", "histogram",
	    "Turns of the event loop by how long they kept everything else waiting.");
	for (i = 0; i < LOOP_BUCKETS; i++) {
		sum += stats->buckets[i];
		if (i == LOOP_BUCKETS - 1)
			strbuf_add(out, "metallb_loop_turn_seconds_bucket{le=\"+Inf\"} ");
		else
			strbuf_printf(out, "metallb_loop_turn_seconds_bucket{le=\"%g\"} ",
			    (double)loop_bucket_bounds_usec[i] / USEC_PER_SEC);
		strbuf_printf(out, "%" PRIu64 "\n", sum);
	}
	strbuf_printf(out,
	    "metallb_loop_turn_seconds_sum %.6f\n"
	    "metallb_loop_turn_seconds_count %" PRIu64 "\n",
	    (double)stats->busy_usec / USEC_PER_SEC, sum);
}

/* The longest are since the start and never reset: two Prometheus that scrape see the same. */
void
metrics_add_loop(const struct daemon *daemon, struct strbuf *out)
{
	const struct loop_stats *stats = loop_stats(daemon->loop);

	add_turns(stats, out);
	metrics_seconds(out, "loop_longest_turn_seconds", "gauge",
	    "The longest turn since the daemon was started.", stats->longest_turn_usec);
	metrics_seconds(out, "loop_longest_callback_seconds", "gauge",
	    "The longest single callback since then.", stats->longest_callback_usec);
}
