/* A Lease from JSON: what is accepted comes out again from its own encoding. */
#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "kube/json.h"
#include "kube/lease.h"
#include "model/lease.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* decode(encode(lease)) is the same again, but for the label that every Lease of ours gets. */
static void
check_round_trip(struct lease *lease)
{
	char *text = kube_lease_encode(lease, "ns"), *text_again;
	struct json_object *object;
	struct lease *again;
	enum kube_cause cause;

	assert(kube_json_parse(text, strlen(text), SIZE_MAX, &object) == KUBE_OK);
	cause = kube_lease_decode(object, &again);
	json_object_put(object);
	if (cause == KUBE_TOO_MANY_LABELS && lease->labels.count == LEASE_MAX_LABELS) {
		free(text);
		return;
	}
	assert(!cause);
	assert(str_eq(again->holder, lease->holder));
	assert(again->duration_seconds == lease->duration_seconds);
	assert(again->transitions == lease->transitions);
	assert(again->annotations.count == lease->annotations.count);
	text_again = kube_lease_encode(again, "ns");
	/* A label that was added stands last the first time, and in its place the second. */
	assert(!labels_get(&lease->labels, LEASE_LABEL_MANAGED_BY) || str_eq(text, text_again));
	free(text_again);
	free(text);
	lease_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *object;
	struct lease *lease;

	if (kube_json_parse(data, size, KUBE_JSON_MAX_OBJECT_BYTES, &object))
		return 0;
	if (!kube_lease_decode(object, &lease)) {
		check_round_trip(lease);
		lease_free(lease);
	}
	json_object_put(object);
	return 0;
}
