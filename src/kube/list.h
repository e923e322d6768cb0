/*
 * list: cuts the body of a LIST into its items while it arrives, so that one item at a time is in
 * memory as JSON, whatever the page holds. The rest of the body (kind, metadata) is kept as the
 * envelope.
 */
#ifndef KUBE_LIST_H
#define KUBE_LIST_H

#include <stddef.h>

#include "kube/cause.h"
#include "kube/json.h"
#include "kube/object.h"

struct json_object;

#define KUBE_LIST_MAX_BYTES (64u << 20) /* of one page */
#define KUBE_LIST_MAX_ENVELOPE (64u << 10)
#define KUBE_LIST_MAX_CONTINUE (32u << 10)

/* `item` is the caller's no longer than the call; NULL for one that could not be read (too large,
 * too deep, not JSON): it is skipped, the others still come. */
typedef void kube_list_item_fn(void *arg, enum kube_cause cause, struct json_object *item);

struct kube_list;

/* Borrowed from the kube_list. */
struct kube_list_meta {
	const char *resource_version;
	const char *continue_token; /* "" on the last page */
};

struct kube_list *kube_list_new(kube_list_item_fn *item, void *arg);
/* NULL is allowed. */
void kube_list_free(struct kube_list *list);
/* KUBE_OK, KUBE_TOO_LARGE, KUBE_BAD_JSON, KUBE_NOT_AN_OBJECT; once refused, always refused. */
enum kube_cause kube_list_feed(struct kube_list *list, const void *data, size_t len);
/* At the end of the body. KUBE_BAD_JSON when it is not complete; KUBE_BAD_METADATA. */
enum kube_cause kube_list_finish(struct kube_list *list, struct kube_list_meta *ret_meta);

/* Bytes held now. */
size_t kube_list_buffered(const struct kube_list *list);

#endif
