/*
 * proto: request bodies in application/vnd.kubernetes.protobuf, which kubectl sends since 1.32
 * where it creates typed objects (kubectl create service, create namespace). Answers are always
 * JSON: every client that sends protobuf accepts it.
 */
#ifndef KUBESIM_PROTO_H
#define KUBESIM_PROTO_H

#include <json-c/json.h>
#include <stddef.h>

#include "schema.h"

/*
 * The object with kind and apiVersion, new; NULL when the bytes are malformed. Fields without a
 * number in the schema are skipped, so only what the schema numbers (Service, metadata) comes
 * through.
 */
struct json_object *proto_decode(const struct schema *schema, const void *data, size_t len);

#endif
