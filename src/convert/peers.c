/* BGPPeer -> bgp.peers. */
#include <json-c/json.h>
#include <string.h>

#include "convert/fields.h"
#include "model/settings.h"
#include "util/base64.h"
#include "util/mem.h"
#include "util/str.h"

#define SECRET_MAX 1024 /* bytes of base64; TCP-MD5 takes keys of 80 */
#define SECRET_TYPE "kubernetes.io/basic-auth"

/* --- passwords ------------------------------------------------------------------------------ */

/* The password of a Secret, in the arena, or NULL with *ret_why. */
static const char *
secret_password(struct convert *c, const struct resource *secret, const char **ret_why)
{
	const char *plain = member_text(member(secret->object, "stringData"), "password");
	const char *base64 = member_text(member(secret->object, "data"), "password");
	uint8_t *bytes;
	size_t len;

	if (!str_eq(member_text(secret->object, "type"), SECRET_TYPE)) {
		*ret_why = "it is not of type " SECRET_TYPE;
		return NULL;
	}
	if (*plain)
		return arena_strdup(c->arena, plain);
	*ret_why = "it has no password";
	if (!*base64 || strlen(base64) > SECRET_MAX)
		return NULL;
	bytes = arena_alloc(c->arena, BASE64_DECODED_MAX(strlen(base64)) + 1, 1);
	if (base64_decode(base64, bytes, &len) && len && !memchr(bytes, '\0', len))
		return (const char *)bytes;
	*ret_why = "its password is not base64 of a text";
	return NULL;
}

static void
write_password_file(struct fields *f, const char *where)
{
	node_comment(f->out,
	    "Put the password on the first line of this file, readable by the user metallb only.");
	node_comment(f->out, "%s", where);
	node_string(f->out, "password-file",
	    arena_printf(f->c->arena, "/etc/metallb/%s.password", f->resource->conf_name),
	    REFUSE_OBJECT);
}

static void
field_password(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *password = source_text(value);
	const char *where;

	if (!password) {
		field_wrong(f, field, name, "not a string");
		return;
	}
	if (!*password)
		return;
	if (f->c->options.passwords) {
		node_secret(f->out, "password", password, REFUSE_OBJECT);
		return;
	}
	where = f->resource->old
	    ? arena_printf(f->c->arena, "It is in the %s.", f->resource->origin)
	    : arena_printf(f->c->arena,
		  "It is in: kubectl get bgppeer -n %s %s -o jsonpath={.spec.password}",
		  *f->resource->namespace ? f->resource->namespace : "metallb-system",
		  f->resource->name);
	write_password_file(f, where);
}

static void
field_password_secret(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *secret_name = member_text(value, "name"), *password = NULL, *why;
	const char *namespace = f->resource->namespace;
	const struct resource *secret;

	(void)field, (void)name;
	/* Kubernetes shows an empty reference where there is none. */
	if (!*secret_name)
		return;
	secret = resources_find(f->c, RESOURCE_SECRET, secret_name);
	why = "it was not given";
	if (secret && f->c->options.passwords)
		password = secret_password(f->c, secret, &why);
	if (password) {
		node_secret(f->out, "password", password, REFUSE_OBJECT);
		return;
	}
	if (f->c->options.passwords)
		node_comment(f->out, "The Secret %s cannot be used: %s.", secret_name, why);
	write_password_file(f,
	    arena_printf(f->c->arena,
		"It is in: kubectl get secret -n %s %s -o jsonpath={.data.password} | "
		"base64 -d",
		*namespace ? namespace : "metallb-system", secret_name));
}

/* --- other fields --------------------------------------------------------------------------- */

static void
field_profile(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *profile_name = source_text(value);
	const struct resource *profile;

	if (!profile_name) {
		field_wrong(f, field, name, "not a string");
		return;
	}
	if (!*profile_name)
		return;
	profile = resources_find(f->c, RESOURCE_BFD, profile_name);
	if (profile)
		node_string(f->out, field->key, profile->conf_name, field->refusal);
	else
		node_refuse(node_string(f->out, field->key, profile_name, field->refusal),
		    "there is no such BFDProfile");
}

/* Written once for all peers when they agree. */
static void
field_my_asn(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	if (!f->c->common_asn)
		field_number(f, field, name, value);
}

/* To use the own number is to use none. */
static void
field_local_asn(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	struct json_object *own = member(f->spec, "myASN");

	if (json_object_is_type(value, json_type_int) && json_object_is_type(own, json_type_int) &&
	    json_object_get_int64(value) == json_object_get_int64(own))
		node_comment(f->out, "Left out, %s: the same as myASN", name);
	else
		field_number(f, field, name, value);
}

static void
field_hold_time(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	const char *text = source_text(value);
	int64_t usec;

	if (text && !*text)
		return;
	if (text && field_parse_duration(text, &usec) && !usec && str_eq(field->key, "hold-time"))
		node_comment(f->out,
		    "0: a silent router is never given up. MetalLB writes 0 also where nothing was "
		    "asked for; 90s is the usual value.");
	field_seconds(f, field, name, value);
}

/* Our own default is to offer it. */
static void
write_graceful_restart(struct fields *f)
{
	struct json_object *value = member(f->spec, "enableGracefulRestart");

	if (json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value))
		node_comment(f->out,
		    "Graceful restart is offered as in MetalLB, but for restart-time = \"10s\" and "
		    "not 120s: a dead node is hidden that long.");
	else
		node_bool(f->out, "graceful-restart", false, REFUSE_KEY);
}

static void
field_disable_mp(
    struct fields *f, const struct field *field, const char *name, struct json_object *value)
{
	(void)field;
	if (json_object_get_boolean(value))
		node_comment(f->out, "Left out, %s: it had no effect in MetalLB either", name);
}

static const struct field peer_fields[] = {
    {"peerAddress", "peer-address", field_string, REFUSE_OBJECT, false},
    {"interface", "interface", field_string, REFUSE_OBJECT, false},
    {"peerASN", "peer-asn", field_number, REFUSE_OBJECT, true},
    {"dynamicASN", "dynamic-asn", field_string, REFUSE_OBJECT, false},
    {"myASN", "my-asn", field_my_asn, REFUSE_OBJECT, true},
    {"localASN", "local-asn", field_local_asn, REFUSE_OBJECT, true},
    {"routerID", "router-id", field_string, REFUSE_KEY, false},
    {"peerPort", "peer-port", field_number, REFUSE_OBJECT, true},
    {"sourceAddress", "source-address", field_string, REFUSE_OBJECT, false},
    {"holdTime", "hold-time", field_hold_time, REFUSE_KEY, false},
    {"keepaliveTime", "keepalive-time", field_hold_time, REFUSE_KEY, false},
    {"connectTime", "connect-time", field_hold_time, REFUSE_KEY, false},
    {"password", "password", field_password, REFUSE_OBJECT, false},
    {"passwordSecret", NULL, field_password_secret, REFUSE_OBJECT, false},
    {"ebgpMultiHop", "ebgp-multihop", field_bool, REFUSE_KEY, false},
    {"bfdProfile", "bfd-profile", field_profile, REFUSE_KEY, false},
    {"vrf", "vrf", field_string, REFUSE_OBJECT, false},
    {"nodeSelectors", "node-selectors", field_selectors, REFUSE_OBJECT, false},
    {"disableMP", NULL, field_disable_mp, REFUSE_KEY, false},
    /* Both families are always offered; see the head of the file. */
    {"dualStackAddressFamily", NULL, field_nothing, REFUSE_KEY, false},
    {"enableGracefulRestart", NULL, field_nothing, REFUSE_KEY, false},
};

static struct json_object *
own_asn(const struct resource *peer)
{
	return member(peer->spec, peer->old ? "my-asn" : "myASN");
}

/* The AS number that all peers give, or 0. */
static uint32_t
common_asn(const struct convert *c)
{
	int64_t common = 0, asn;
	size_t i;

	for (i = 0; i < c->n_resources; i++) {
		if (c->resources[i].kind != RESOURCE_PEER)
			continue;
		asn = json_object_get_int64(own_asn(&c->resources[i]));
		if (!json_object_is_type(own_asn(&c->resources[i]), json_type_int) || asn < 1 ||
		    asn > UINT32_MAX || (common && asn != common))
			return 0;
		common = asn;
	}
	return (uint32_t)common;
}

void
peers_convert(struct convert *c, struct node *bgp)
{
	struct node *list = NULL;
	size_t i;

	c->common_asn = common_asn(c);
	if (c->common_asn)
		node_number(bgp, "my-asn", c->common_asn, REFUSE_KEY);
	for (i = 0; i < c->n_resources; i++) {
		const struct resource *r = &c->resources[i];
		struct fields f = {.c = c, .resource = r, .spec = r->spec};

		if (r->kind != RESOURCE_PEER)
			continue;
		if (!list)
			list = node_objects(bgp, "peers", SETTINGS_MAX_PEERS);
		f.out = node_object(list, r->origin);
		node_comment(f.out, "%s", r->origin);
		node_string(f.out, "name", r->conf_name, REFUSE_OBJECT);
		fields_convert(c, r, r->spec, f.out, peer_fields,
		    sizeof(peer_fields) / sizeof(peer_fields[0]));
		write_graceful_restart(&f);
	}
}
