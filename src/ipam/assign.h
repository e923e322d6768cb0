/*
 * assign: what one Service's status should say, and why. Takes the Service, what is held, and the
 * rules; changes the allocator; fills in the decision. When is up to ipam.c.
 *
 * The order of thought: what does the Service ask for, and does that make sense; which of its
 * addresses may it keep; which does it lack, and who can give them; what to write and to say.
 */
#ifndef IPAM_ASSIGN_H
#define IPAM_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipam/allocator.h"
#include "ipam/ipam.h"
#include "ipam/tree.h"
#include "util/list.h"
#include "util/map.h"

struct arena;

/* What is remembered of one Service. Owned by struct ipam. */
struct client {
	struct map_node node;
	char *key, *uid, *namespace;
	int64_t created_usec; /* INT64_MAX when unreadable: the youngest */
	struct holder holder;
	/* Queue of ipam.c. */
	struct tree_node queue_node;
	bool is_queued;
	bool may_have; /* has, or may have, an address: settled before those that wait */
	TAILQ_ENTRY(client) pending_link;
	bool is_pending; /* lacks an address that may become free */
	/* Memory of assign.c. */
	bool is_settled;           /* decided on at least once */
	bool is_kept_against_file; /* until the settings are those of the majority */
	bool has_shown_condition;  /* our condition was there: the annotation is ours, not MetalLB's
				    */
	bool told_legacy;
	char *released; /* what was taken away and not yet told, NULL: nothing */
	uint64_t told;  /* hash of the condition that the last Event was about */
	enum ipam_reason reason;
	char *message;
};

enum assign_mode {
	ASSIGN_FULL,
	ASSIGN_NO_NEW,    /* nothing new to anybody: others still have to be looked at */
	ASSIGN_KEEP_ONLY, /* only settle what it keeps */
};

struct assign_env {
	struct allocator *allocator;
	const struct settings *settings;
	struct pool_namespace namespace; /* of the Service at hand */
	enum assign_mode mode;
	bool may_revoke;
};

/*
 * Settles a Service that is ours. False: what it keeps is settled, but it needs something new and
 * the mode forbids it; the decision is untouched. *ret_freed: something became free, or shareable,
 * for others. Strings of the decision live in `arena` or in the Service.
 */
bool
assign_settle(const struct assign_env *env, struct client *client, const struct service *service,
    struct arena *arena, struct ipam_decision *ret_decision, bool *ret_freed);
/* Settles a Service that is not, or no more, ours: takes away what is ours on it. */
void
assign_clear(const struct assign_env *env, struct client *client, const struct service *service,
    struct arena *arena, struct ipam_decision *ret_decision, bool *ret_freed);
/* Whether assign_clear() may have anything to do for a Service that is not ours and unknown. */
bool assign_has_trace(const struct service *service);
/* Whether the Service's status names an address that may be ours. */
bool assign_may_have(const struct service *service);
/* See ipam_explain(). client may be NULL. */
void assign_explain(const struct assign_env *env, const struct client *client,
    const struct service *service, ipam_explain_fn each, void *arg);

#endif
