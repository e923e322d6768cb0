#include <json-c/json.h>
#include <string.h>

#include "convert/room.h"

struct json_object *
member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		(void)json_object_object_get_ex(object, key, &value);
	return value;
}

const char *
member_text(struct json_object *object, const char *key)
{
	const char *text = source_text(member(object, key));

	return text ? text : "";
}
