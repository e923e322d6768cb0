/*
 * table: server-side printing, meta.k8s.io/v1 Table, which kubectl get asks for.
 */
#ifndef KUBESIM_TABLE_H
#define KUBESIM_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <time.h>

#include "resource.h"

extern const struct column table_service[], table_lease[], table_event[], table_node[],
    table_namespace[], table_other[];

enum table_include {
	TABLE_METADATA, /* rows carry PartialObjectMetadata */
	TABLE_OBJECT,   /* rows carry the whole object */
	TABLE_NONE,
};

/* A Table without rows. api_version: "meta.k8s.io/v1" or v1beta1. */
struct json_object *
table_new(const struct resource *resource, const char *api_version, const char *resource_version);
void table_add(struct json_object *table, const struct resource *resource, struct json_object *obj,
    enum table_include include, time_t now);

#endif
