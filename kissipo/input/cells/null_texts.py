"""Texts such as NA that are values: NA is Namibia, Null is a surname.

The other values of the column decide: codes of countries or continents, or names with a
capital letter, of which no program writes NaN as Nan.

Example:  >>> reason_of_values("iso", ["NA"], ["DE", "FR", "ZA", "BW", "AT"])
          "'NA' stands among codes of countries"
          >>> reason_of_values("state", ["NA"], ["CA", "AL", "DE", "MA", "NE"])
          ''
          >>> reason_of_values("name", ["Null"], ["Ada", "Bob", "Cy", "Dee", "Eve"])
          "'Null' has a capital letter as the other names"
"""

from collections.abc import Collection

from kissipo.core.text import list_some

NULL_TEXTS = frozenset({"na", "nan", "null"})
_MIN_VALUES, _MIN_CONTINENTS, _NAMES_SHARE = 5, 3, 0.8
_CONTINENTS = {"AF", "AN", "AS", "EU", "OC", "SA"}
_COUNTRY_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ"
    " BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM"
    " DO DZ EC EE EG EH ER ES ET EU FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR"
    " GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM"
    " KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP"
    " MQ MR MS MT MU MV MW MX MY MZ NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM"
    " PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV"
    " SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UK UM US UY UZ VA VC VE VG"
    " VI VN VU WF WS XK YE YT ZA ZM ZW"
)
_STATE_CODES = (
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE"
    " NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VT WA WI WV WY"
)
_COUNTRIES, _STATES = set(_COUNTRY_CODES.split()), set(_STATE_CODES.split())
_COUNTRY_NAMES = ("country", "iso", "nation", "land", "alpha", "pays", "pais")


def reason_of_values(name: str, nulls: Collection[str], others: Collection[str]) -> str:
    """Returns why the null texts of a column are values, or '' where they are not.

    nulls:    the texts that would be read as missing, such as NA
    others:   the other texts of the column
    """
    nulls = [mark for mark in nulls if mark.lower() in NULL_TEXTS]
    values = set(others)
    if not nulls or not values:
        return ""
    listed = list_some([f"'{mark}'" for mark in nulls], 3)
    if nulls == ["NA"] and len(values) >= _MIN_CONTINENTS and values <= _CONTINENTS:
        return f"{listed} stands among codes of continents"
    if len(values) < _MIN_VALUES:
        return ""
    if nulls == ["NA"] and values <= _COUNTRIES:
        is_named = any(word in name.lower() for word in _COUNTRY_NAMES)
        return f"{listed} stands among codes of countries" if is_named or values - _STATES else ""
    if not all(text.istitle() for text in nulls):
        return ""
    if sum(value.istitle() for value in values) < _NAMES_SHARE * len(values):
        return ""
    return f"{listed} {'has' if len(nulls) == 1 else 'have'} a capital letter as the other names"
