// The cells of a delimited file, found and read in its bytes. The reference, with the
// same results, is kissipo/input/cells/: cell_bytes.py, digits.py and text_column.py.
//
// A block begins with a cell and has at least 32 bytes of padding before and behind it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <vector>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

namespace {

constexpr int64_t UNCLEAR = -1;
constexpr int64_t MAX_DIGITS = 19;
constexpr int64_t BATCH = 64;
constexpr uint64_t EXACT = uint64_t(1) << 53;

struct Powers {
    uint64_t integers[MAX_DIGITS + 1];
    double floats[MAX_DIGITS + 1];
    Powers() {
        uint64_t power = 1;
        for (int64_t i = 0; i <= MAX_DIGITS; ++i, power *= 10) {
            integers[i] = power;
            floats[i] = double(power);
        }
    }
};
const Powers POWERS;

inline bool is_digit(uint8_t byte) { return uint8_t(byte - '0') < 10; }

inline uint64_t eight_bytes(const uint8_t* bytes) {
    uint64_t digits;
    std::memcpy(&digits, bytes, 8);
    return digits;
}

// Up to eight bytes, without the first point among them, as digits.
struct EightBytes {
    uint64_t number;
    int64_t point;  // its position, or the number of bytes
    bool are_digits;
};

// All digits at once: pairs, fours and eights of neighbors become one number.
inline EightBytes read_digits(const uint8_t* bytes, int64_t size) {
    const uint64_t own = ~uint64_t(0) >> (64 - 8 * size);
    uint64_t digits = eight_bytes(bytes) & own;
    const uint64_t differs = digits ^ 0x2E2E2E2E2E2E2E2Eu;
    const uint64_t points = (differs - 0x0101010101010101u) & ~differs & 0x8080808080808080u & own;
    int64_t point = size;
    digits = (digits ^ 0x3030303030303030u) & own;
    if (points) {
        const int position = __builtin_ctzll(points) & ~7;
        const uint64_t before = (uint64_t(1) << position) - 1;
        digits = (digits & before) | ((digits >> 8) & ~before);
        point = position / 8;
        --size;
        if (size == 0) return {0, point, false};
    }
    const bool are_digits = (((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u) == 0;
    digits <<= 64 - 8 * size;
    digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFu;
    digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFu;
    digits = (digits * 10000 + (digits >> 32)) & 0xFFFFFFFFu;
    return {digits, point, are_digits};
}

// One bit for each of 64 bytes that ends a cell or needs attention.
struct EndBytes {
    uint8_t separator, quote;  // the quote is a line break where quotes are part of the text

    uint64_t of(const uint8_t* bytes) const {
#if defined(__SSE2__)
        const __m128i ends[] = {_mm_set1_epi8(char(separator)), _mm_set1_epi8(char(quote)),
                                 _mm_set1_epi8('\n'), _mm_set1_epi8('\r'), _mm_setzero_si128()};
        uint64_t bits = 0;
        for (int i = 0; i < 4; ++i) {
            const __m128i part =
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i));
            __m128i equal = _mm_cmpeq_epi8(part, ends[0]);
            for (int j = 1; j < 5; ++j) equal = _mm_or_si128(equal, _mm_cmpeq_epi8(part, ends[j]));
            bits |= uint64_t(uint32_t(_mm_movemask_epi8(equal))) << (16 * i);
        }
        return bits;
#else
        uint8_t is_mark[64];
        for (int i = 0; i < 64; ++i) {
            const uint8_t byte = bytes[i];
            is_mark[i] = (byte == separator) | (byte == '\n') | (byte == quote) |
                         (byte == '\r') | (byte == 0);
        }
        uint64_t bits = 0;
        for (int i = 0; i < 8; ++i)
            bits |= (eight_bytes(is_mark + 8 * i) * 0x0102040810204080u >> 56) << (8 * i);
        return bits;
#endif
    }
};

// Goes from mark to mark of a block.
class CellEnds {
public:
    CellEnds(const uint8_t* begin, const uint8_t* end, EndBytes end_bytes)
        : base_(begin), end_(end), end_bytes_(end_bytes), bits_(load(begin)) {}

    // The next mark, or the end of the block.
    const uint8_t* next() {
        while (bits_ == 0) {
            base_ += 64;
            if (base_ >= end_) return end_;
            bits_ = load(base_);
        }
        const uint8_t* place = base_ + __builtin_ctzll(bits_);
        bits_ &= bits_ - 1;
        return place < end_ ? place : end_;
    }

private:
    uint64_t load(const uint8_t* place) const {
        if (end_ - place >= 64) return end_bytes_.of(place);
        uint8_t last[64];
        std::memset(last, ' ', 64);
        std::memcpy(last, place, end_ > place ? size_t(end_ - place) : 0);
        return end_bytes_.of(last);
    }

    const uint8_t *base_, *end_;
    EndBytes end_bytes_;
    uint64_t bits_;
};

// The texts of one column: each distinct text once, in the order of its first cell.
class Texts {
public:
    Texts() : slots_(1 << 10, Slot{0, -1}), begins_{0} {}
    ~Texts() { std::free(bytes_); }
    Texts(const Texts&) = delete;
    Texts& operator=(const Texts&) = delete;

    // The hash of a text, whose place is fetched into the cache.
    uint32_t expect(const uint8_t* text, uint32_t size) const {
        const uint32_t hash = hash_of(text, size);
        __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
        return hash;
    }

    int32_t id_of(uint32_t hash, const uint8_t* text, uint32_t size) {
        const size_t mask = slots_.size() - 1;
        for (size_t place = hash & mask;; place = (place + 1) & mask) {
            const Slot& slot = slots_[place];
            if (slot.id < 0) return append(place, hash, text, size);
            if (slot.hash == hash && equals(slot.id, text, size)) return slot.id;
        }
    }

    int64_t count() const { return int64_t(begins_.size()) - 1; }
    const char* bytes() const { return bytes_; }  // a zero byte stands behind each text
    int64_t num_bytes() const { return int64_t(begins_.back()); }
    int64_t size_of(int64_t id) const { return int64_t(begins_[id + 1] - begins_[id]) - 1; }
    const uint8_t* text(int64_t id) const {
        return reinterpret_cast<const uint8_t*>(bytes_) + begins_[id];
    }

private:
    struct Slot {
        uint32_t hash;
        int32_t id;
    };

    static uint32_t hash_of(const uint8_t* text, uint32_t size) {
        constexpr uint64_t factor = 0x9E3779B97F4A7C15u;
        uint64_t hash = size * factor;
        for (; size >= 8; text += 8, size -= 8) {
            hash = (hash ^ eight_bytes(text)) * factor;
            hash ^= hash >> 32;
        }
        if (size) {  // eight bytes can be read behind every cell
            hash = (hash ^ (eight_bytes(text) << (64 - 8 * size))) * factor;
            hash ^= hash >> 32;
        }
        hash *= factor;
        return uint32_t(hash >> 32);
    }

    bool equals(int32_t id, const uint8_t* text, uint32_t size) const {
        if (size_of(id) != int64_t(size)) return false;
        const uint8_t* stored = this->text(id);
        for (; size >= 8; stored += 8, text += 8, size -= 8)
            if (eight_bytes(stored) != eight_bytes(text)) return false;
        return size == 0 || (eight_bytes(stored) ^ eight_bytes(text)) << (64 - 8 * size) == 0;
    }

    int32_t append(size_t place, uint32_t hash, const uint8_t* text, uint32_t size) {
        const int32_t id = int32_t(count());
        slots_[place] = Slot{hash, id};
        const size_t end = begins_.back() + size + 1;
        if (end + 8 > capacity_) {  // eight bytes can be read behind every text
            capacity_ = end + end / 2 + 4096;
            char* larger = static_cast<char*>(std::realloc(bytes_, capacity_));
            if (!larger) throw std::bad_alloc();
            bytes_ = larger;
        }
        std::memcpy(bytes_ + begins_.back(), text, size);
        bytes_[end - 1] = '\0';
        begins_.push_back(end);
        if (2 * begins_.size() > slots_.size()) grow();
        return id;
    }

    void grow() {
        std::vector<Slot> larger(2 * slots_.size(), Slot{0, -1});
        for (const Slot& slot : slots_) {
            if (slot.id < 0) continue;
            size_t place = slot.hash & (larger.size() - 1);
            while (larger[place].id >= 0) place = (place + 1) & (larger.size() - 1);
            larger[place] = slot;
        }
        slots_ = std::move(larger);
    }

    std::vector<Slot> slots_;
    std::vector<size_t> begins_;
    char* bytes_ = nullptr;
    size_t capacity_ = 0;
};

}  // namespace

extern "C" {

// Finds the cells of the whole lines of a block; returns the number of lines, or -1
// where the layout is not clear.
//
// starts, ends:  (column, capacity), places in the block: first byte, behind the last
// consumed:      the place behind the last whole line
// odd:           the cells (line * width + column) in quotes whose text is not equal to
//                their bytes, or that have blanks or wide characters beside the quotes
EXPORTED int64_t kissipo_split_cells(
    const uint8_t* data, int64_t begin, int64_t end, int64_t separator, int64_t quoting,
    int64_t width, int64_t capacity, int32_t* starts, int32_t* ends, int64_t* consumed,
    int64_t* odd, int64_t* num_odd) {
    const uint8_t quote = quoting ? '"' : '\n', mark = uint8_t(separator);
    CellEnds cell_ends(data + begin, data + end, EndBytes{mark, quote});
    const uint8_t *cell = data + begin, *last = data + end;
    int64_t column = 0, line = 0, returns = 0, odd_cells = 0;
    *consumed = begin;
    *num_odd = 0;
    for (;;) {
        const uint8_t* place = cell_ends.next();
        if (place == last) return line;
        if (*place == mark && column < width - 1) {
            starts[column * capacity + line] = int32_t(cell - data);
            ends[column * capacity + line] = int32_t(place - data);
            cell = place + 1;
            ++column;
            continue;
        }
        const uint8_t *first = cell, *behind = place;
        if (*place == '"' && quoting) {
            if (place != cell) return UNCLEAR;
            bool is_odd = false;
            for (;;) {  // to the closing quote
                place = cell_ends.next();
                if (place == last) return line;
                if (*place == 0 || *place == '\r') return UNCLEAR;
                if (*place != '"') continue;
                if (place + 1 == last) return line;
                if (place[1] != '"') break;
                is_odd = true;
                cell_ends.next();
            }
            first = cell + 1;
            behind = place;
            const uint8_t left = *first, right = behind[-1];
            is_odd |= left >= 128 || right >= 128 || left == ' ' || left == '\t' ||
                      right == ' ' || right == '\t';
            place = cell_ends.next();
            if (place == last) return line;
            if (place != behind + 1) return UNCLEAR;
            if (is_odd) odd[odd_cells++] = line * width + column;
        }
        bool has_return = false;
        if (*place == '\r') {
            if (place + 1 == last) return line;
            place = cell_ends.next();
            if (*place != '\n' || place != behind + 1) return UNCLEAR;
            has_return = true;
        }
        const bool is_line_end = *place == '\n';
        if ((*place != mark && !is_line_end) || is_line_end != (column == width - 1))
            return UNCLEAR;
        starts[column * capacity + line] = int32_t(first - data);
        ends[column * capacity + line] = int32_t(behind - data);
        cell = place + 1;
        ++column;
        if (is_line_end) {
            column = 0;
            ++line;
            returns += has_return;
            if (returns != 0 && returns != line) return UNCLEAR;
            *consumed = cell - data;
            *num_odd = odd_cells;
        }
    }
}

// Reads plain numbers; returns 1 where a cell has a leading zero, such as 007, plus 2
// where one has a decimal point.
//
// values:  NaN where a cell is empty or not read
// rest:    the rows that are neither empty nor read
EXPORTED int64_t kissipo_plain_numbers(
    const uint8_t* data, const int32_t* starts, const int32_t* ends, int64_t count,
    double* values, int64_t* rest, int64_t* num_rest) {
    bool has_code = false, has_point = false;
    int64_t unread = 0;
    for (int64_t row = 0; row < count; ++row) {
        const uint8_t *place = data + starts[row], *end = data + ends[row];
        values[row] = std::numeric_limits<double>::quiet_NaN();
        if (place == end) continue;
        const bool is_negative = *place == '-';
        place += is_negative || *place == '+';
        const uint8_t *first = place, *point = nullptr;
        uint64_t number = 0;
        if (end - place <= 8 && place < end) {
            const EightBytes bytes = read_digits(place, end - place);
            number = bytes.number;
            if (bytes.point < end - place) point = place + bytes.point;
            if (bytes.are_digits) place = end;
        } else if (end - place <= MAX_DIGITS + 1) {
            for (; place < end && is_digit(*place); ++place) number = 10 * number + (*place - '0');
            if (place < end && *place == '.') {
                point = place++;
                for (; place < end && is_digit(*place); ++place)
                    number = 10 * number + (*place - '0');
            }
        }
        const int64_t digits = end - first - (point != nullptr);
        const int64_t part = point ? end - point - 1 : 0;
        bool is_read = place == end && digits > 0 && digits <= MAX_DIGITS;
        has_code |= is_read && !point && digits > 1 && *first == '0';
        double value = 0;
        if (is_read && number < EXACT) {
            value = double(number) / POWERS.floats[part];
        } else if (is_read) {
            // Larger ones are divided with 64 bits, and rounded once more; what lies in
            // the middle between two floats after that is not read.
            is_read = false;
#if __LDBL_MANT_DIG__ == 64
            if (point) {
                const long double quotient =
                    (long double)(number) / (long double)(POWERS.integers[part]);
                uint64_t bits;
                std::memcpy(&bits, &quotient, 8);
                is_read = (bits & 0x7FF) != 0x400;
                value = double(quotient);
            }
#endif
        }
        if (is_read)
            values[row] = is_negative ? -value : value;
        else
            rest[unread++] = row;
        has_point |= point != nullptr ||
                     (!is_read && std::memchr(first, '.', size_t(end - first)) != nullptr);
    }
    *num_rest = unread;
    return has_code + 2 * has_point;
}

EXPORTED void* kissipo_texts_new() { return new Texts; }

EXPORTED void kissipo_texts_free(void* texts) { delete static_cast<Texts*>(texts); }

// Adds cells; returns the number of distinct texts so far. `ids` has one per cell.
EXPORTED int64_t kissipo_texts_add(
    void* handle, const uint8_t* data, const int32_t* starts, const int32_t* ends,
    int64_t count, int32_t* ids) {
    Texts* texts = static_cast<Texts*>(handle);
    uint32_t hashes[BATCH];
    for (int64_t begin = 0; begin < count; begin += BATCH) {
        const int64_t size = count - begin < BATCH ? count - begin : BATCH;
        for (int64_t i = 0; i < size; ++i) {
            const int64_t row = begin + i;
            hashes[i] = texts->expect(data + starts[row], uint32_t(ends[row] - starts[row]));
        }
        for (int64_t i = 0; i < size; ++i) {
            const int64_t row = begin + i;
            const uint32_t length = uint32_t(ends[row] - starts[row]);
            ids[row] = texts->id_of(hashes[i], data + starts[row], length);
        }
    }
    return texts->count();
}

// The distinct texts, a zero byte behind each.
EXPORTED const char* kissipo_texts_bytes(void* handle, int64_t* size) {
    const Texts* texts = static_cast<Texts*>(handle);
    *size = texts->num_bytes();
    return texts->bytes();
}

// Finds the texts that may not stand for themselves: empty or of at most `longest`
// bytes, or with a first or last byte that is a blank or not ASCII. Returns how many
// there are.
EXPORTED int64_t kissipo_texts_unusual(void* handle, int64_t longest, int32_t* unusual) {
    const Texts* texts = static_cast<Texts*>(handle);
    int64_t count = 0;
    for (int64_t id = 0; id < texts->count(); ++id) {
        const int64_t size = texts->size_of(id);
        const uint8_t* text = texts->text(id);
        bool is_unusual = size <= longest || text[0] <= ' ' || text[0] >= 128 ||
                          text[size - 1] <= ' ' || text[size - 1] >= 128;
        if (is_unusual) unusual[count++] = int32_t(id);
    }
    return count;
}
}
