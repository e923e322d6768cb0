#include "test.h"

#include "config/keys.h"
#include "config/print.h"
#include "config/value.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

typedef void key_fn(const struct config_section *section, const struct config_key *key, void *arg);

static void
each_key(const struct config_section *section, key_fn *fn, void *arg)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		fn(section, &section->keys[i], arg);
		if (section->keys[i].section)
			each_key(section->keys[i].section, fn, arg);
	}
}

/* A mistake in the table shows here, not in the field. */
static void
check_entry(const struct config_section *section, const struct config_key *key, void *arg)
{
	bool is_list = key->type == CONFIG_STRINGS || key->type == CONFIG_LABELS ||
	    key->type == CONFIG_RANGES || key->type == CONFIG_SELECTORS ||
	    key->type == CONFIG_OBJECTS;
	bool is_nested = key->type == CONFIG_OBJECTS || key->type == CONFIG_GROUP;

	(void)arg;
	print_message("# %s.%s\n", section->path, key->name);
	assert_true(config_key_find(section, key->name) == key);
	assert_true((key->max_items > 0) == is_list);
	assert_true((key->section != NULL) == is_nested);
	assert_true(key->doc != NULL && (*key->doc || is_nested));
	assert_true((key->words != NULL) == (key->type == CONFIG_ENUM));
	assert_false(key->required && key->initial);
	/* What a reset resets must be told, and restart values must be ones that can be kept. */
	if (key->effect == CONFIG_RESET)
		assert_non_null(section->reset);
	if (key->effect == CONFIG_RESTART)
		assert_true(key->type == CONFIG_STRING && !strchr(section->path, '.'));
	/* No secret may come into the hash that others see. */
	if (key->type == CONFIG_SECRET)
		assert_false(section->shared);
	if (key->type == CONFIG_DURATION)
		assert_true(key->step > 0 && key->max > 0);
	if (key->type == CONFIG_UINT)
		assert_true(
		    key->size == 8 || (uint64_t)key->max <= (UINT64_C(1) << (key->size * 8)) - 1);
}

static void
table_is_sound(void **state)
{
	(void)state;
	each_key(&config_root, check_entry, NULL);
}

/* A default prints as it is written in the table: else the hash and config_not_yet() see a change.
 */
static void
check_default(const struct config_section *section, const struct config_key *key, void *arg)
{
	struct arena *arena = arg;
	void *object;
	struct strbuf printed = {0}, initial = {0};

	if (!key->initial || key->section)
		return;
	object = arena_alloc(arena, 1, section->size + sizeof(struct settings));
	assert_null(value_set_text(arena, key, key->initial, object));
	print_value(key, object, 0, true, &printed);
	print_default(key, &initial);
	assert_string_equal(strbuf_text(&printed), strbuf_text(&initial));
	strbuf_free(&printed);
	strbuf_free(&initial);
}

static void
defaults_are_canonical(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	each_key(&config_root, check_default, arena);
	arena_free(arena);
}

static void
suggests(void **state)
{
	static const struct {
		const char *section, *name, *expected;
	} rows[] = {
	    {"node", "nmae", "name"},
	    {"node", "Name", "name"},
	    {"node", "label", "labels"},
	    {"node", "stateDirectory", "state-directory"},
	    {"node", "x", NULL},
	    {"node", "", NULL},
	    {"failover", "leaseDuration", "lease-duration"},
	    {"failover", "lease_duration", "lease-duration"},
	    {"failover", "LEASE_DURATION", "lease-duration"},
	    {"kubernetes", "loadBalancerClass", "load-balancer-class"},
	    {"kubernetes", "something-else-entirely", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = config_key_suggest(
		    config_key_find(&config_root, rows[i].section)->section, rows[i].name);

		assert_row(i, rows[i].name, str_eq_null(got, rows[i].expected));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table_is_sound),
	    cmocka_unit_test(defaults_are_canonical),
	    cmocka_unit_test(suggests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
