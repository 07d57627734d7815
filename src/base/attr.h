/*
 * attr.h - compiler attributes and the ownership macros. Header only, any thread.
 *
 * SLV_CLEANUP(fn) T *x      x is released by fn when it leaves scope (systemd's convention: fn
 * takes NULL). SLV_STEAL(x)              gives x away: yields its value and leaves NULL behind.
 */
#ifndef SLV_BASE_ATTR_H
#define SLV_BASE_ATTR_H

#include <stddef.h>

#define SLV_NODISCARD __attribute__((warn_unused_result))
#define SLV_NORETURN __attribute__((noreturn))
#define SLV_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SLV_UNUSED __attribute__((unused))
#define SLV_LIKELY(x) __builtin_expect(!!(x), 1)
#define SLV_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define SLV_CLEANUP(fn) __attribute__((cleanup(fn##_cleanup_)))
#define SLV_DEFINE_CLEANUP(T, fn)                                                                  \
    static inline void fn##_cleanup_(T *p)                                                         \
    {                                                                                              \
        (void)fn(*p);                                                                              \
    }                                                                                              \
    struct slv_semicolon_
/* For types held by value: fn takes a pointer to the object and may be called on a zeroed one. */
#define SLV_DEFINE_CLEANUP_DONE(T, fn)                                                             \
    static inline void fn##_cleanup_(T *p)                                                         \
    {                                                                                              \
        fn(p);                                                                                     \
    }                                                                                              \
    struct slv_semicolon_
#define SLV_STEAL(p)                                                                               \
    __extension__({                                                                                \
        __typeof__(p) *p_ = &(p);                                                                  \
        __typeof__(p) v_ = *p_;                                                                    \
        *p_ = NULL;                                                                                \
        v_;                                                                                        \
    })

#define slv_container_of(ptr, type, member)                                                        \
    __extension__({                                                                                \
        const __typeof__(((type *)0)->member) *mptr_ = (ptr);                                      \
        (type *)(void *)((char *)(size_t)mptr_ - offsetof(type, member));                          \
    })
#define SLV_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SLV_MIN(a, b)                                                                              \
    __extension__({                                                                                \
        __typeof__(a) a_ = (a);                                                                    \
        __typeof__(b) b_ = (b);                                                                    \
        a_ < b_ ? a_ : b_;                                                                         \
    })
#define SLV_MAX(a, b)                                                                              \
    __extension__({                                                                                \
        __typeof__(a) ma_ = (a);                                                                   \
        __typeof__(b) mb_ = (b);                                                                   \
        ma_ > mb_ ? ma_ : mb_;                                                                     \
    })

#endif
