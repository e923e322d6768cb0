/* BFDProfile -> bfd-profiles. */
#include <string.h>

#include "convert/fields.h"
#include "model/settings.h"
#include "util/str.h"

static const struct field bfd_fields[] = {
    {"name", NULL, field_nothing, REFUSE_KEY, false}, /* of a ConfigMap */
    {"receiveInterval", "receive-interval", field_milliseconds, REFUSE_KEY, false},
    {"transmitInterval", "transmit-interval", field_milliseconds, REFUSE_KEY, false},
    {"detectMultiplier", "detect-multiplier", field_number, REFUSE_KEY, false},
    {"echoMode", "echo-mode", field_bool, REFUSE_KEY, false},
    {"echoInterval", "echo-interval", field_milliseconds, REFUSE_KEY, false},
    {"passiveMode", "passive-mode", field_bool, REFUSE_KEY, false},
    {"minimumTtl", "minimum-ttl", field_number, REFUSE_KEY, false},
};

void
bfd_convert(struct convert *c)
{
	struct node *list = NULL, *out;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];

		if (r->kind != RESOURCE_BFD)
			continue;
		if (!list)
			list = node_objects(c->document, "bfd-profiles", SETTINGS_MAX_LIST);
		out = node_object(list, r->origin);
		node_comment(out, "%s", r->origin);
		node_string(out, "name", r->conf_name, REFUSE_OBJECT);
		fields_convert(
		    c, r, r->spec, out, bfd_fields, sizeof(bfd_fields) / sizeof(bfd_fields[0]));
	}
}
