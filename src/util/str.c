#include "util/str.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/mem.h"
#include "util/mono.h"

#define DURATION_MAX_USEC (1000 * 60 * USEC_PER_MIN)
#define DISTANCE_MAX_LEN 64

void
strbuf_free(struct strbuf *sb)
{
	free(sb->text);
	*sb = (struct strbuf){0};
}

void
strbuf_clear(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->text)
		sb->text[0] = '\0';
}

static void
strbuf_reserve(struct strbuf *sb, size_t n)
{
	size_t need = sb->len + n + 1, cap = sb->cap ? sb->cap : 64;

	if (need <= sb->cap)
		return;
	while (cap < need)
		cap *= 2;
	sb->text = xreallocarray(sb->text, cap, 1);
	sb->cap = cap;
}

void
strbuf_addn(struct strbuf *sb, const char *s, size_t n)
{
	strbuf_reserve(sb, n);
	memcpy(sb->text + sb->len, s, n);
	sb->len += n;
	sb->text[sb->len] = '\0';
}

void
strbuf_add(struct strbuf *sb, const char *s)
{
	strbuf_addn(sb, s, strlen(s));
}

void
strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_addn(sb, &c, 1);
}

void
strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	char *s = xvasprintf(fmt, ap);

	strbuf_add(sb, s);
	free(s);
}

void
strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

void
strbuf_add_quoted(struct strbuf *sb, const char *s, size_t max)
{
	size_t i;

	for (i = 0; i < max && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			strbuf_printf(sb, "\\x%02x", c);
		else
			strbuf_addc(sb, (char)c);
	}
	if (s[i])
		strbuf_add(sb, "...");
}

const char *
strbuf_text(const struct strbuf *sb)
{
	return sb->text ? sb->text : "";
}

char *
strbuf_detach(struct strbuf *sb)
{
	char *text = sb->text ? sb->text : xstrdup("");

	*sb = (struct strbuf){0};
	return text;
}

bool
str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool
str_eq_null(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

bool
str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_glob(const char *pattern, const char *s)
{
	return fnmatch(pattern, s, 0) == 0;
}

unsigned
str_distance(const char *a, const char *b, unsigned max)
{
	unsigned rows[3][DISTANCE_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > DISTANCE_MAX_LEN || lb > DISTANCE_MAX_LEN)
		return max + 1;
	for (j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned *cur = rows[i % 3], *prev = rows[(i - 1) % 3], *prev2 = rows[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			unsigned best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return rows[la % 3][lb] > max ? max + 1 : rows[la % 3][lb];
}

bool
str_copy(char *out, size_t size, const char *s)
{
	int n = snprintf(out, size, "%s", s);

	return n >= 0 && (size_t)n < size;
}

int
str_parse_uint(const char *s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p;

	if (!*s)
		return -EINVAL;
	for (p = s; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static const struct {
	const char *unit;
	int64_t usec;
} duration_units[] = {
    {"h", 60 * USEC_PER_MIN},
    {"m", USEC_PER_MIN},
    {"s", USEC_PER_SEC},
    {"ms", USEC_PER_MSEC},
    {"us", 1},
};

#define N_DURATION_UNITS (sizeof(duration_units) / sizeof(duration_units[0]))

int
str_parse_duration(const char *s, int64_t *ret_usec)
{
	size_t digits = strspn(s, "0123456789"), i;
	char number[24];
	uint64_t value;
	int err;

	if (!digits || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, digits);
	number[digits] = '\0';
	err = str_parse_uint(number, INT64_MAX, &value);
	if (err)
		return err;
	if (!s[digits] && !value) {
		*ret_usec = 0;
		return 0;
	}
	for (i = 0; i < N_DURATION_UNITS; i++) {
		if (!str_eq(s + digits, duration_units[i].unit))
			continue;
		if (value > (uint64_t)(DURATION_MAX_USEC / duration_units[i].usec))
			return -ERANGE;
		*ret_usec = (int64_t)value * duration_units[i].usec;
		return 0;
	}
	return -EINVAL;
}

void
str_format_duration(int64_t usec, char *out, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < N_DURATION_UNITS; i++)
		if (usec && usec % duration_units[i].usec == 0)
			break;
	/* People think of times up to two minutes in seconds. */
	if (i < 2 && usec > 0 && usec <= 2 * USEC_PER_MIN)
		i = 2;
	if (!usec)
		i = 2;
	(void)snprintf(
	    out, size, "%" PRId64 "%s", usec / duration_units[i].usec, duration_units[i].unit);
}

void
str_format_time(int64_t unix_usec, char *out, size_t size)
{
	int64_t usec = unix_usec % USEC_PER_SEC;
	time_t sec;
	struct tm tm;

	if (usec < 0)
		usec += USEC_PER_SEC;
	sec = (time_t)((unix_usec - usec) / USEC_PER_SEC);
	if (!gmtime_r(&sec, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	(void)snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)usec);
}

/* Reads exactly n digits. */
static bool
take_digits(const char **s, int n, int *ret_value)
{
	int value = 0;

	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (**s - '0');
	}
	*ret_value = value;
	return true;
}

static bool
take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* The part after the seconds: fraction and offset. */
static bool
take_fraction_and_offset(const char **s, int64_t *ret_usec, int *ret_offset_sec)
{
	int64_t scale = USEC_PER_SEC / 10;
	int hours = 0, minutes = 0, sign;

	*ret_usec = 0;
	*ret_offset_sec = 0;
	if (take_char(s, '.')) {
		if (**s < '0' || **s > '9')
			return false;
		for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
			*ret_usec += (**s - '0') * scale;
	}
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes) ||
	    hours > 23 || minutes > 59)
		return false;
	*ret_offset_sec = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* timegm() would take 30 February for 2 March. */
static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

int
str_parse_time(const char *s, int64_t *ret_unix_usec)
{
	struct tm tm = {0};
	int64_t usec;
	int offset;

	if (!take_digits(&s, 4, &tm.tm_year) || !take_char(&s, '-') ||
	    !take_digits(&s, 2, &tm.tm_mon) || !take_char(&s, '-') ||
	    !take_digits(&s, 2, &tm.tm_mday) || !(take_char(&s, 'T') || take_char(&s, 't')) ||
	    !take_digits(&s, 2, &tm.tm_hour) || !take_char(&s, ':') ||
	    !take_digits(&s, 2, &tm.tm_min) || !take_char(&s, ':') ||
	    !take_digits(&s, 2, &tm.tm_sec) || !take_fraction_and_offset(&s, &usec, &offset) || *s)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > days_in_month(tm.tm_year, tm.tm_mon) || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_unix_usec = ((int64_t)timegm(&tm) - offset) * USEC_PER_SEC + usec;
	return 0;
}
