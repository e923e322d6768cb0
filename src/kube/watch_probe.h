/*
 * watch_probe: asks whether a silent watch is quiet or dead, by requests of its own (watch.h tells
 * which). It only judges; what follows is the watch's to do.
 */
#ifndef KUBE_WATCH_PROBE_H
#define KUBE_WATCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/watch.h"
#include "kube/watch_slot.h"
#include "util/mono.h"

enum kube_watch_verdict {
	KUBE_WATCH_VERDICT_NONE, /* the watch is well, or the probe goes on */
	/* The server is as silent as the watch: */
	KUBE_WATCH_VERDICT_NO_ANSWER,
	KUBE_WATCH_VERDICT_UNREACHABLE,
	KUBE_WATCH_VERDICT_BAD_ANSWER,   /* not as an API server answers */
	KUBE_WATCH_VERDICT_SERVER_FAILS, /* a status of 5xx */
	/* It is not: */
	KUBE_WATCH_VERDICT_FROZEN,   /* it told the probe what it did not tell the watch */
	KUBE_WATCH_VERDICT_SET_BACK, /* it is at an older version than the watch:
					probe->server_version */
	KUBE_WATCH_VERDICT_COUNT
};

/* For people, after "silent since 40 s, ". */
const char *kube_watch_verdict_str(enum kube_watch_verdict verdict);

struct kube_watch_probe {
	struct kube_watch_slot slot;
	uint32_t *last_id;    /* of the watch */
	uint64_t *n_requests; /* of its statistics */
	mono_t next;          /* when to ask; MONO_NEVER */
	mono_t stale_at;      /* a probe saw what the watch did not, which may bring it until then;
				 MONO_NEVER */
	const char
	    *server_version; /* with KUBE_WATCH_VERDICT_SET_BACK, until the probe is stopped */
};

void kube_watch_probe_init(struct kube_watch_probe *probe, uint32_t *last_id, uint64_t *n_requests);
/* Cancels its request, and asks no more. */
void kube_watch_probe_stop(struct kube_watch_probe *probe);
/* A watch begins: it is asked about after that much silence. */
void kube_watch_probe_expect(struct kube_watch_probe *probe, int64_t silence_usec, mono_t now);
/* Any byte on the watch answers what the probe asked. */
void kube_watch_probe_heard(struct kube_watch_probe *probe, mono_t now);

/* Inputs for the request in `slot`; its status is the watch's to note. */
void
kube_watch_probe_chunk(struct kube_watch_probe *probe, const char *data, size_t len, mono_t now);
/* `version`: of the watch. */
enum kube_watch_verdict kube_watch_probe_end(
    struct kube_watch_probe *probe, enum kube_watch_end end, const char *version, mono_t now);
mono_t kube_watch_probe_deadline(const struct kube_watch_probe *probe);
/* `answered`: the watch has its status line; without one its own deadline decides. */
enum kube_watch_verdict
kube_watch_probe_timer(struct kube_watch_probe *probe, bool answered, mono_t now);

#endif
