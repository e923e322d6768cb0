#include "io/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/file.h"
#include "util/mem.h"
#include "util/str.h"

#define ID_MAX_BYTES 64
#define SYSCTL_MAX_BYTES 64

/* Hexadecimal digits, in groups or not. */
static bool
is_id(const char *s)
{
	size_t len = strlen(s);

	return (len == 32 || len == 36) && strspn(s, "0123456789abcdef-") == len;
}

static int
read_id(const char *path, char out[HOST_ID_SIZE])
{
	mem_cleanup(mem_freep) char *text = NULL;
	size_t len;
	int err = file_read(path, ID_MAX_BYTES, &text, &len);

	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	/* "uninitialized", in images before their first boot. */
	if (!is_id(text) || !str_copy(out, HOST_ID_SIZE, text))
		return -EINVAL;
	return 0;
}

int
host_machine_id(char out[HOST_ID_SIZE])
{
	return read_id("/etc/machine-id", out);
}

int
host_boot_id(char out[HOST_ID_SIZE])
{
	return read_id("/proc/sys/kernel/random/boot_id", out);
}

int
host_name(char out[HOST_NAME_SIZE])
{
	char *p;

	if (gethostname(out, HOST_NAME_SIZE) < 0)
		return -errno;
	out[HOST_NAME_SIZE - 1] = '\0';
	for (p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return *out ? 0 : -EINVAL;
}

unsigned
host_raise_descriptors(unsigned wanted)
{
	struct rlimit limit, raised;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	raised = limit;
	raised.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (raised.rlim_cur > limit.rlim_cur && !setrlimit(RLIMIT_NOFILE, &raised))
		limit = raised;
	return limit.rlim_cur < wanted ? (unsigned)limit.rlim_cur : wanted;
}

static int
read_number(const char *path, int *ret_value)
{
	mem_cleanup(mem_freep) char *text = NULL;
	uint64_t value;
	size_t len;
	int err = file_read(path, SYSCTL_MAX_BYTES, &text, &len);

	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	err = str_parse_uint(text, INT32_MAX, &value);
	if (!err)
		*ret_value = (int)value;
	return err;
}

int
host_ipv4_conf(const char *interface, const char *name)
{
	const char *where[] = {"all", interface};
	int value, max = 0, err = 0;
	size_t i;

	for (i = 0; i < 2 && !err; i++) {
		char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/%s", where[i], name);

		err = read_number(path, &value);
		free(path);
		if (!err && value > max)
			max = value;
	}
	return err ? err : max;
}
