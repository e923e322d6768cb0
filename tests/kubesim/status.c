#include "config.h"

#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "obj.h"

static struct json_object *
status_base(const char *outcome)
{
	struct json_object *status = json_object_new_object();

	obj_set_str(status, "kind", "Status");
	obj_set_str(status, "apiVersion", "v1");
	obj_set(status, "metadata", json_object_new_object());
	obj_set_str(status, "status", outcome);
	return status;
}

static struct json_object *
status_failure(int code, const char *reason, const char *message)
{
	struct json_object *status = status_base("Failure");

	obj_set_str(status, "message", message);
	if (reason != NULL)
		obj_set_str(status, "reason", reason);
	obj_set(status, "code", json_object_new_int(code));
	return status;
}

struct json_object *
status_new(int code, const char *reason, const char *fmt, ...)
{
	struct json_object *status;
	char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	va_end(ap);
	status = status_failure(code, reason, message);
	free(message);
	return status;
}

void
status_details(struct json_object *status, const char *name, const char *group, const char *kind)
{
	struct json_object *code = json_object_get(obj_get(status, "code"));

	/* code stays last, as the server writes it */
	obj_del(status, "code");
	if (name[0] != '\0')
		obj_set_str(status, "details.name", name);
	if (group[0] != '\0')
		obj_set_str(status, "details.group", group);
	if (kind[0] != '\0')
		obj_set_str(status, "details.kind", kind);
	if (code != NULL)
		obj_set(status, "code", code);
}

void
status_no_details(struct json_object *status)
{
	int code = status_code(status);

	obj_del(status, "code");
	obj_set(status, "details", json_object_new_object());
	obj_set(status, "code", json_object_new_int(code));
}

void
status_retry_after(struct json_object *status, int seconds)
{
	int code = status_code(status);

	obj_set(status, "details.retryAfterSeconds", json_object_new_int(seconds));
	/* code stays last */
	obj_del(status, "code");
	obj_set(status, "code", json_object_new_int(code));
}

struct json_object *
status_success(const char *name, const char *group, const char *resource, const char *uid)
{
	struct json_object *status = status_base("Success");

	status_details(status, name, group, resource);
	obj_set_str(status, "details.uid", uid);
	return status;
}

struct json_object *
status_bad_request(const char *fmt, ...)
{
	struct json_object *status;
	char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	va_end(ap);
	status = status_failure(400, "BadRequest", message);
	free(message);
	return status;
}

static char *
qualified(const char *group, const char *resource)
{
	return group[0] != '\0' ? sim_asprintf("%s.%s", resource, group) : sim_strdup(resource);
}

struct json_object *
status_not_found(const char *group, const char *resource, const char *name)
{
	char *q = qualified(group, resource);
	struct json_object *status = status_new(404, "NotFound", "%s \"%s\" not found", q, name);

	status_details(status, name, group, resource);
	free(q);
	return status;
}

struct json_object *
status_exists(const char *group, const char *resource, const char *name)
{
	char *q = qualified(group, resource);
	struct json_object *status = status_new(
	    409, "AlreadyExists", "%s \"%s\" already exists", q, name);

	status_details(status, name, group, resource);
	free(q);
	return status;
}

struct json_object *
status_conflict(const char *group, const char *resource, const char *name, const char *why)
{
	char *q = qualified(group, resource);
	struct json_object *status = status_new(
	    409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s", q, name, why);

	status_details(status, name, group, resource);
	free(q);
	return status;
}

struct json_object *
status_method_not_allowed(void)
{
	struct json_object *status = status_new(405, "MethodNotAllowed",
	    "the server does not allow this method on the requested resource");

	status_no_details(status);
	return status;
}

struct json_object *
status_expired(const char *message)
{
	return status_failure(410, "Expired", message);
}

struct json_object *
status_internal(const char *message)
{
	return status_failure(500, NULL, message);
}

int
status_code(struct json_object *status)
{
	return (int)obj_int(status, "code", 200);
}

void
causes_fini(struct causes *causes)
{
	json_object_put(causes->list);
	causes->list = NULL;
}

static void
causes_add(struct causes *causes, const char *reason, const char *field, char *message)
{
	struct json_object *cause = json_object_new_object();

	if (causes->list == NULL)
		causes->list = json_object_new_array();
	obj_set_str(cause, "reason", reason);
	obj_set_str(cause, "message", message);
	obj_set_str(cause, "field", field);
	json_object_array_add(causes->list, cause);
	free(message);
}

void
causes_invalid(struct causes *causes, const char *field, const char *value, const char *why)
{
	causes_add(causes, "FieldValueInvalid", field,
	    sim_asprintf("Invalid value: \"%s\": %s", value, why));
}

void
causes_invalid_int(struct causes *causes, const char *field, long value, const char *why)
{
	causes_add(
	    causes, "FieldValueInvalid", field, sim_asprintf("Invalid value: %ld: %s", value, why));
}

void
causes_invalid_hex(struct causes *causes, const char *field, long value, const char *why)
{
	causes_add(causes, "FieldValueInvalid", field,
	    sim_asprintf("Invalid value: 0x%lx: %s", (unsigned long)value, why));
}

void
causes_required(struct causes *causes, const char *field, const char *why)
{
	causes_add(causes, "FieldValueRequired", field,
	    why[0] != '\0' ? sim_asprintf("Required value: %s", why)
			   : sim_strdup("Required value"));
}

void
causes_unsupported(
    struct causes *causes, const char *field, const char *value, const char *supported)
{
	causes_add(causes, "FieldValueNotSupported", field,
	    sim_asprintf("Unsupported value: \"%s\": supported values: %s", value, supported));
}

void
causes_forbidden(struct causes *causes, const char *field, const char *why)
{
	causes_add(causes, "FieldValueForbidden", field, sim_asprintf("Forbidden: %s", why));
}

void
causes_duplicate(struct causes *causes, const char *field, const char *value)
{
	causes_add(
	    causes, "FieldValueDuplicate", field, sim_asprintf("Duplicate value: %s", value));
}

bool
causes_any(const struct causes *causes)
{
	return causes->list != NULL;
}

/* "field: message" for one cause, "[a, b]" for several. */
static char *
causes_text(const struct causes *causes)
{
	size_t n = json_object_array_length(causes->list);
	char *text = sim_strdup(n > 1 ? "[" : "");

	for (size_t i = 0; i < n; i++) {
		struct json_object *cause = json_object_array_get_idx(causes->list, i);
		char *longer = sim_asprintf("%s%s%s: %s", text, i > 0 ? ", " : "",
		    obj_str(cause, "field"), obj_str(cause, "message"));

		free(text);
		text = longer;
	}
	if (n > 1) {
		char *closed = sim_asprintf("%s]", text);

		free(text);
		text = closed;
	}
	return text;
}

struct json_object *
causes_status(struct causes *causes, const char *group, const char *kind, const char *name)
{
	struct json_object *status;
	char *text, *q;

	if (!causes_any(causes))
		return NULL;
	text = causes_text(causes);
	q = qualified(group, kind);
	status = status_new(422, "Invalid", "%s \"%s\" is invalid: %s", q, name, text);
	status_details(status, name, group, kind);
	obj_set(status, "details.causes", causes->list);
	causes->list = NULL;
	free(text);
	free(q);
	return status;
}
