#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libconfig.h>

#include "config/build.h"
#include "config/check.h"
#include "config/config.h"
#include "config/scan.h"
#include "model/settings.h"
#include "util/mem.h"

/* The whole file; -EFBIG when it is larger than max, -EISDIR, or what open() and read() say. */
static int
load_fd(struct arena *arena, int fd, const char **ret_text, size_t *ret_len)
{
	size_t cap = CONFIG_MAX_FILE_BYTES + 1, len = 0;
	char *buffer;
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	buffer = xcalloc(cap, 1);
	while (len < cap) {
		ssize_t n = read(fd, buffer + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (!err && len == cap)
		err = -EFBIG;
	if (!err) {
		*ret_text = arena_memdup(arena, buffer, len, 1);
		*ret_len = len;
	}
	free(buffer);
	return err;
}

static int
load_file(struct arena *arena, const char *path, const char **ret_text, size_t *ret_len)
{
	/* Not to hang on a pipe that nobody writes to. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;

	if (fd < 0)
		return -errno;
	err = load_fd(arena, fd, ret_text, ret_len);
	(void)close(fd);
	return err;
}

static const char *
load_included(
    void *arg, struct arena *arena, const char *path, const char **ret_text, size_t *ret_len)
{
	int err = load_file(arena, path, ret_text, ret_len);

	(void)arg;
	return err ? strerror(-err) : NULL;
}

static enum tree_kind
kind_of(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return TREE_GROUP;
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		return TREE_LIST;
	case CONFIG_TYPE_STRING:
		return TREE_STRING;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return TREE_INT;
	case CONFIG_TYPE_FLOAT:
		return TREE_FLOAT;
	case CONFIG_TYPE_BOOL:
		return TREE_BOOL;
	}
	return TREE_BAD;
}

/* Pre-order, as the scanner counted the values; *next is the number of the next one. */
static void
copy_tree(struct arena *arena, const config_setting_t *setting, const struct scan *scan,
    size_t *next, struct tree *out)
{
	const char *name = config_setting_name(setting);
	struct tree *children;
	size_t i;

	out->kind = kind_of(setting);
	out->name = name ? arena_strdup(arena, name) : NULL;
	if (out->kind == TREE_STRING)
		out->text = arena_strdup(arena, config_setting_get_string(setting));
	if (out->kind == TREE_INT)
		out->number = config_setting_get_int64(setting);
	if (out->kind == TREE_BOOL)
		out->truth = config_setting_get_bool(setting) != 0;
	if (out->kind != TREE_GROUP && out->kind != TREE_LIST)
		return;
	out->n_children = (size_t)config_setting_length(setting);
	children = arena_alloc(arena, out->n_children, sizeof(*children));
	out->children = children;
	for (i = 0; i < out->n_children; i++) {
		const struct scan_value *value = &scan->values[(*next)++];

		children[i].place = value->place;
		copy_tree(
		    arena, config_setting_get_elem(setting, (unsigned)i), scan, next, &children[i]);
		if (value->bad)
			children[i].kind = TREE_BAD;
	}
}

/* The scanner should have found every mistake; should libconfig see another one, it is said in its
 * words. */
static void
report_libconfig(
    const config_t *config, const struct scan *scan, const char *name, struct config_report *report)
{
	struct config_place place = {.file = arena_strdup(report_arena(report), name)};
	int line = config_error_line(config);

	if (line > 0 && (size_t)line <= scan->n_lines)
		place = scan->lines[line - 1];
	report_message(report, CONFIG_ERROR, &place, "",
	    config_error_text(config) ? config_error_text(config) : "not readable");
}

static struct settings *
read_scanned(const struct scan *scan, struct arena *arena, const char *name,
    const struct config_environment *environment, struct config_report *report)
{
	struct settings *settings = NULL;
	struct tree root = {.place.file = arena_strdup(report_arena(report), name)};
	config_t config;
	size_t next = 0;

	config_init(&config);
	if (config_read_string(&config, strbuf_text(&scan->text))) {
		copy_tree(arena, config_root_setting(&config), scan, &next, &root);
		settings = build_settings(&root, name, report);
		check_settings(settings, &root, environment, report);
	} else {
		report_libconfig(&config, scan, name, report);
	}
	config_destroy(&config);
	return settings;
}

/* arena is for what is needed only while reading. */
static int
read_text(struct arena *arena, const char *name, const char *text, size_t len,
    scan_include_fn *include, const struct config_environment *environment,
    struct settings **ret_settings, struct config_report *report)
{
	struct settings *settings = NULL;
	struct scan scan;

	if (scan_file(&scan, arena, name, text, len, include, NULL, report))
		settings = read_scanned(&scan, arena, name, environment, report);
	scan_fini(&scan);
	report_sort(report);
	if (report->n_errors) {
		settings_free(settings);
		return -EINVAL;
	}
	*ret_settings = settings;
	return 0;
}

int
config_load_text(const char *name, const char *text, size_t len,
    const struct config_environment *environment, struct settings **ret_settings,
    struct config_report *report)
{
	struct arena *arena = arena_new();
	int err = read_text(arena, name, text, len, NULL, environment, ret_settings, report);

	arena_free(arena);
	return err;
}

int
config_load(const char *path, const struct config_environment *environment,
    struct settings **ret_settings, struct config_report *report)
{
	struct arena *arena = arena_new();
	const char *text;
	size_t len;
	int err = load_file(arena, path, &text, &len);

	if (err == -EFBIG)
		config_report_add(
		    report, CONFIG_ERROR, path, "", "larger than %d bytes", CONFIG_MAX_FILE_BYTES);
	else if (err)
		config_report_add(
		    report, CONFIG_ERROR, path, "", "cannot be read: %s", strerror(-err));
	else
		err = read_text(
		    arena, path, text, len, load_included, environment, ret_settings, report);
	arena_free(arena);
	return err;
}
