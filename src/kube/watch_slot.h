/*
 * watch_slot: one place for a request of a watch: what was asked, what came of the answer so far,
 * and which request is to be cancelled for it.
 */
#ifndef KUBE_WATCH_SLOT_H
#define KUBE_WATCH_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/watch.h"
#include "util/mono.h"
#include "util/str.h"

struct kube_list;

/* A request and what came of its answer so far. All zeros: none. */
struct kube_watch_slot {
	uint32_t id; /* 0: none */
	enum kube_watch_request request;
	bool to_start; /* asked for, not yet taken by kube_watch_next_action() */
	bool fresh_connection;
	int status; /* 0: no answer yet */
	int64_t retry_after_sec;
	mono_t sent, deadline;
	struct strbuf buffer;   /* the unfinished line, or the body of a refusal */
	struct kube_list *list; /* the body of a LIST */
	/* one that was taken and is not wanted any more */
	uint32_t cancel_id;
	enum kube_watch_request cancel_request;
	bool cancel_suspect;
};

/* The slot must be free. *last_id counts the requests of the watch. answer_usec: to the status. */
void kube_watch_slot_ask(struct kube_watch_slot *slot, uint32_t *last_id,
    enum kube_watch_request request, bool fresh_connection, int64_t answer_usec, mono_t now);
/* Free again; a request that was taken is to be cancelled. */
void kube_watch_slot_cancel(struct kube_watch_slot *slot, bool suspect);
/* Free again, for one that is over. */
void kube_watch_slot_clear(struct kube_watch_slot *slot);
bool
kube_watch_slot_take_cancel(struct kube_watch_slot *slot, struct kube_watch_action *ret_action);
/* It ended by itself: what was cancelled since needs no cancelling. */
void kube_watch_slot_ended(struct kube_watch_slot *slot, uint32_t id);
/* Whether that request is under way here. */
bool kube_watch_slot_is(const struct kube_watch_slot *slot, uint32_t id);

/* The body of a refusal, as far as it is worth reading. */
void kube_watch_slot_keep(struct kube_watch_slot *slot, const char *data, size_t len);
/* Without its end. May free the slot, and ask anew. */
typedef void kube_watch_line_fn(void *arg, const char *line, size_t len, mono_t now);
/* Hands out whole lines, but no blank ones; false when one is over KUBE_WATCH_MAX_LINE. Stops when
 * `fn` ended the request. */
bool kube_watch_slot_cut(struct kube_watch_slot *slot, const char *data, size_t len,
    kube_watch_line_fn *fn, void *arg, mono_t now);
/* Whether a line is unfinished. */
bool kube_watch_slot_has_rest(const struct kube_watch_slot *slot);
/* Bytes held. */
size_t kube_watch_slot_buffered(const struct kube_watch_slot *slot);

#endif
