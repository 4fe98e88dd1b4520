"""Nothing in, invented research groups out: who writes the sample edition, and on which topics."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from recommender.sources.sample_words import words

__all__ = ["GROUPS_PER_TOPIC", "Group", "groups"]

GROUPS_PER_TOPIC = 5

GIVEN = words(
    """Adaeze; Aino; Akosua; Alejo; Amara; Anahit; Aneta; Anouk; Arash; Asel; Aylin; Bao; Beatriu; Bishnu; Bogna;
        Callum; Caoimhe; Chidi; Chiyo; Ciro; Dafna; Dalia; Danilo; Deniz; Dilnoza; Edda; Eero; Eilidh; Ekene; Elif;
        Emeka; Enzo; Esi; Farah; Farrukh; Fatou; Feng; Fiadh; Gaspard; Giulia; Goran; Hadiza; Hana; Haruto; Hedda; Hemi;
        Hoang; Ibrahim; Idris; Ilse; Imani; Inti; Ioana; Itzel; Jae; Jarno; Jelena; Jun; Kaito; Kalani; Katya; Kavya;
        Keola; Kirabo; Kofi; Lan; Latisha; Leila; Lior; Luan; Lucja; Mahlet; Mairi; Malik; Manuel; Marisol; Mateja; Mei;
        Mihai; Minh; Mira; Mosi; Nadir; Naledi; Nanami; Nikhil; Nilufar; Noor; Nuria; Odalys; Oisin; Oluchi; Oskar;
        Paloma; Parisa; Pekka; Petra; Pilar; Priya; Quy; Rafiq; Ragna; Rania; Ravi; Renske; Rhys; Rosalba; Ruta; Sadia;
        Samir; Sanna; Seo; Shirin; Sigrun; Simge; Sione; Sofus; Stelian; Suvi; Tadeo; Tariq; Tereza; Thandi; Timo;
        Tomoko; Tuan; Ulla; Umut; Valdis; Vasil; Wanjiru; Wen; Xiomara; Yael; Yara; Yejin; Yusra; Zeynep; Zofia; Zoran"""
)

FAMILY = words(
    """Abendorf; Adeyrin; Aldanova; Amankora; Andrasil; Arkwell; Asharipour; Baltramis; Banderoux; Barzelin; Behrani;
        Bergaas; Bhandarkul; Bielicka; Boatemaa; Bourcelle; Brannoch; Calderuz; Castelnau; Chakravel; Chanrath; Chenxia;
        Cobrescu; Corvandi; Dalgaardt; Darvishani; Delacourse; Dembeya; Dimitrakos; Dlaminko; Dorjsuren; Drozhin;
        Eguzabal; Ekwuemeka; Elmstadt; Enkhtur; Erdogmen; Esparral; Fagerlund; Farquhell; Feldrian; Fonsegal; Fujiwane;
        Galstian; Gebremika; Ghorbanzi; Gilfeather; Goncalvim; Grimsholt; Guerravez; Gunnlaug; Habtezion; Hakobari;
        Halvorsrud; Haruyoshi; Hoangthi; Hovmand; Ibarrola; Ifeanyor; Ilvesniem; Iwasabe; Jankovary; Jayasundar;
        Jokubait; Kagiriba; Kahananui; Kaldarov; Karimbek; Kawazoe; Kemalov; Kibetto; Kjeldahlen; Kowalewin; Kuanyshev;
        Kumaresh; Lagerhjelm; Lakshmivar; Leclairmont; Lindqvarn; Lomotwe; Luangrath; Macalintal; Maduabum; Makhathin;
        Malkovic; Mandelsturm; Mashinini; Matsuwake; Mendizar; Mirzoyev; Moanaroa; Mokhtarzai; Montalvenz; Mukasera;
        Naidooram; Nakhonthai; Ndiayela; Nettlewood; Nguyenhoa; Nishikage; Njorogwe; Nordhavn; Nyambura; Obradskic;
        Odhiambra; Okoronwe; Olssenrud; Onyekabe; Orzechal; Otsukara; Ouattamba; Oyelarin; Papathanou; Parkseon;
        Pashayev; Pellerano; Petrosanu; Phommavan; Pietrangel; Quispanca; Rahmandar; Rakotovelo; Ramasubbu; Rautakorp;
        Renquist; Rosenkvit; Ruzibaev; Sabharwin; Salcedano; Samaraweer; Santangela; Sarkissov; Seremetis; Shimabuku;
        Siddiquar; Silverleaf; Skjoldager; Solovienko; Soumarel; Stavrinou; Sundaresh; Szabolcsi; Takemori; Tamatoa;
        Tanakorn; Tekleberh; Thorsgard; Tikaram; Torvinen; Tranquoc; Tsegayon; Uchekwe; Ulmanet; Urrutibea; Valdivero;
        Vandermoer; Varadkari; Vasilyuk; Venterink; Vilakaze; Wairimba; Weissbruck; Wijeratno; Wolframsen; Xiangbei;
        Yamazawa; Yellowstone-Reed; Yildirak; Yoonhwa; Zakharenko; Zamoranel; Zelenkova; Zhangwu; Zubiria"""
)

PLACES = words(
    """Aldermoor; Brackenford; Castel Rovo; Dunhaven; Eastmere; Fjordvik; Greywater; Hallowdale; Iskarholm; Kestrel
        Bay; Lake Oriel; Marrowby; Nordkapell; Ostrava Nova; Port Selwyn; Quillon; Ravensholt; San Telesforo; Tarnbrook;
        Umbrafield; Valdemora; Westerlin; Xalmora; Yarrowdale; Zirkonia"""
)

KINDS = words(
    """University of {}; {} Institute of Technology; {} Polytechnic; {} Research Laboratory; {} Academy of Sciences;
        National Centre at {}; {} Medical School; {} Observatory"""
)


@dataclass(frozen=True, slots=True)
class Group:
    """A research group: its head is the first of `members`, its main topic the first of `topics` (both by position)."""

    id: int
    members: tuple[str, ...]
    organization: str
    topics: tuple[int, ...]


@lru_cache(maxsize=2)
def groups(n_topics: int) -> tuple[Group, ...]:
    """Make every research group; group g works mainly on topic `g % n_topics`, where topics 2i and 2i + 1 are neighbours.

    Parameters
    ----------
    n_topics : int

    Returns
    -------
    tuple of Group, length n_topics * GROUPS_PER_TOPIC
        Nobody is in two groups. Two groups in five have a second topic, mostly the neighbour of their first.
    """
    rng = random.Random("sample groups")
    names = [f"{given} {family}" for given in GIVEN for family in FAMILY]
    rng.shuffle(names)
    made = []
    for number in range(n_topics * GROUPS_PER_TOPIC):
        main = number % n_topics
        topics = (main, _second(main, n_topics, rng)) if rng.random() < 0.4 else (main,)
        members = tuple(names.pop() for _ in range(rng.randint(3, 8)))
        made.append(Group(number, members, rng.choice(KINDS).format(rng.choice(PLACES)), topics))
    return tuple(made)


def _second(main: int, n_topics: int, rng: random.Random) -> int:
    """Draw another topic: seven times in ten the neighbour."""
    return main ^ 1 if rng.random() < 0.7 else (main + rng.randrange(1, n_topics)) % n_topics
