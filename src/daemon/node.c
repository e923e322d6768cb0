#include "daemon/node.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "io/loop.h"
#include "kube/json.h"
#include "kube/node.h"
#include "kube/path.h"
#include "model/labels.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/mono.h"

#define NODE_INTERVAL_USEC (60 * USEC_PER_SEC)
#define NODE_RETRY_USEC (5 * USEC_PER_SEC)
#define NODE_MAX_BYTES (4u << 20)

struct node {
	struct loop *loop;
	struct api *api;
	char *name;
	bool read_labels, known, missing, asking;
	bool said;                /* that the last answer was none that we can use */
	struct kube_node *object; /* NULL while unknown or missing */
	struct loop_timer timer;
	node_changed_fn *changed;
	void *arg;
};

static bool
node_differs(const struct kube_node *a, const struct kube_node *b)
{
	if (!a || !b)
		return a != b;
	return a->network_unavailable != b->network_unavailable ||
	    a->n_addresses != b->n_addresses ||
	    (a->n_addresses &&
		memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses))) ||
	    !labels_equal(&a->labels, &b->labels);
}

/* Takes `object`, NULL for no labels. */
static void
node_learn(struct node *node, struct kube_node *object)
{
	bool differs = !node->known || node_differs(node->object, object);

	kube_node_free(node->object);
	node->object = object;
	node->known = true;
	if (differs)
		node->changed(node->arg);
}

static enum kube_cause
node_parse(const struct api_answer *answer, struct kube_node **ret_object)
{
	struct json_object *json;
	enum kube_cause cause = kube_json_parse(
	    answer->body, answer->body_len, NODE_MAX_BYTES, &json);

	if (cause == KUBE_OK) {
		cause = kube_node_decode(json, ret_object);
		json_object_put(json);
	}
	return cause;
}

/*
 * An answer that tells nothing of the Node. What was known of it stays: losing its labels would
 * give our addresses away. 401 will pass with the next token; any other will hardly pass by itself,
 * so a daemon that knows nothing yet goes on without labels.
 */
static void
node_no_news(struct node *node, int status, const char *why)
{
	const struct log_field fields[] = {{"METALLB_NODE", node->name}};

	if (!node->said)
		log_line(LOG_LEVEL_WARNING, fields, 1, "node %s: GET of its Node: %d %s; %s%s",
		    node->name, status, why,
		    node->known ? "what was known of it stays"
				: "node selectors see only node.labels of the file",
		    status == 403 ? " (apply share/rbac.yaml)" : "");
	node->said = true;
	if (!node->known && status != 401)
		node_learn(node, NULL);
}

/* True when the Node or its absence is known now. */
static bool
node_take(struct node *node, const struct api_answer *answer)
{
	const struct log_field fields[] = {{"METALLB_NODE", node->name}};
	struct kube_node *object;
	enum kube_cause cause;

	if (answer->status == 404) {
		if (!node->missing)
			log_line(LOG_LEVEL_WARNING, fields, 1,
			    "node %s: the API server has no Node of this name; node selectors see only node.labels of the file. "
			    "Is node.name right?",
			    node->name);
		node->missing = true;
		node_learn(node, NULL);
		return true;
	}
	if (answer->status >= 300) {
		node_no_news(node, answer->status, "");
		return false;
	}
	cause = node_parse(answer, &object);
	if (cause != KUBE_OK) {
		node_no_news(node, answer->status, kube_cause_str(cause));
		return false;
	}
	node->missing = false;
	node_learn(node, object);
	return true;
}

static void
node_answered(void *arg, const struct api_answer *answer)
{
	struct node *node = arg;
	int64_t wait = NODE_INTERVAL_USEC;

	node->asking = false;
	if (answer->result != API_ANSWERED || answer->status >= 500 || answer->status == 429)
		wait = NODE_RETRY_USEC;
	else if (node_take(node, answer))
		node->said = false;
	else if (!node->known)
		wait = NODE_RETRY_USEC;
	if (node->read_labels)
		loop_timer_set(&node->timer, mono_add_usec(loop_now(node->loop), wait));
}

static void
node_ask(void *arg)
{
	struct node *node = arg;
	char *path;

	if (node->asking)
		return;
	node->asking = true;
	path = kube_path_node(node->name);
	api_call(node->api,
	    &(struct api_options){
		.method = "GET", .path = path, .on_done = node_answered, .arg = node});
	free(path);
}

struct node *
node_new(struct loop *loop, struct api *api, const char *name, bool read_labels,
    node_changed_fn *changed, void *arg)
{
	struct node *node = xcalloc(1, sizeof(*node));

	node->loop = loop;
	node->api = api;
	node->name = xstrdup(name);
	node->changed = changed;
	node->arg = arg;
	loop_timer_init(&node->timer, loop, node_ask, node);
	node_set_read_labels(node, read_labels);
	return node;
}

void
node_free(struct node *node)
{
	if (!node)
		return;
	loop_timer_fini(&node->timer);
	kube_node_free(node->object);
	free(node->name);
	free(node);
}

void
node_set_read_labels(struct node *node, bool read_labels)
{
	if (read_labels == node->read_labels)
		return;
	node->read_labels = read_labels;
	loop_timer_set(&node->timer, read_labels ? loop_now(node->loop) : MONO_NEVER);
	if (!read_labels && node->object) {
		kube_node_free(node->object);
		node->object = NULL;
		node->changed(node->arg);
	}
}

void
node_restore(struct node *node, const struct labels *labels, bool network_unavailable)
{
	struct arena *arena = arena_new();
	struct label *items = arena_alloc(arena, labels->count, sizeof(*items));
	struct kube_node *object = arena_alloc(arena, 1, sizeof(*object));
	size_t i;

	for (i = 0; i < labels->count; i++)
		items[i] = (struct label){arena_strdup(arena, labels->items[i].key),
		    arena_strdup(arena, labels->items[i].value)};
	object->arena = arena;
	object->name = arena_strdup(arena, node->name);
	object->labels = (struct labels){items, labels->count};
	object->network_unavailable = network_unavailable;
	kube_node_free(node->object);
	node->object = object;
	node->known = true;
}

struct labels
node_labels(const struct node *node)
{
	return node->object && node->read_labels ? node->object->labels : (struct labels){0};
}

bool
node_network_unavailable(const struct node *node)
{
	return node->object && node->read_labels && node->object->network_unavailable;
}

const struct ip_addr *
node_addresses(const struct node *node, size_t *ret_count)
{
	*ret_count = node->object && node->read_labels ? node->object->n_addresses : 0;
	return *ret_count ? node->object->addresses : NULL;
}

bool
node_is_known(const struct node *node)
{
	return node->known || !node->read_labels;
}

bool
node_is_missing(const struct node *node)
{
	return node->missing;
}
