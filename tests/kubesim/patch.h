/*
 * patch: the three kinds of PATCH. The document is changed in place (hand in a copy); after an
 * error its content is undefined.
 */
#ifndef KUBESIM_PATCH_H
#define KUBESIM_PATCH_H

#include <json-c/json.h>

#include "schema.h"

enum patch_result {
	PATCH_OK,
	PATCH_NOT_AN_OBJECT, /* merge patches: the patch is no JSON object */
	PATCH_NOT_A_LIST,    /* JSON patch: the patch is no array of operations */
	PATCH_BAD_OPERATION, /* JSON patch: unknown op, bad or missing pointer or value */
	PATCH_NO_SUCH_PATH,  /* JSON patch: the pointer leads nowhere */
	PATCH_TEST_FAILED,   /* JSON patch: a test did not hold */
	PATCH_BAD_DIRECTIVE, /* strategic: unknown $patch */
	PATCH_NO_MERGE_KEY,  /* strategic: a list element without its merge key */
	PATCH_RESULT_COUNT,
};

const char *patch_result_str(enum patch_result result);

/* RFC 7386. */
enum patch_result patch_merge(struct json_object *doc, struct json_object *patch);

/*
 * Kubernetes' own: lists with a merge key are merged by it, others replaced; $patch (replace,
 * delete, merge), $setElementOrder/LIST, $deleteFromPrimitiveList/LIST and $retainKeys are obeyed.
 * schema may be NULL (all lists atomic).
 */
enum patch_result
patch_strategic(struct json_object *doc, struct json_object *patch, const struct schema *schema);

/* RFC 6902. */
enum patch_result patch_json(struct json_object *doc, struct json_object *patch);

#endif
