"""A category in, what arXiv calls it in words out; arXiv's own names are not translated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["NAMES", "category_words"]

_BY_ARCHIVE = {
    "cs": """AI Artificial Intelligence; AR Hardware Architecture; CC Computational Complexity; CE Computational Engineering, Finance and
        Science; CG Computational Geometry; CL Computation and Language; CR Cryptography and Security; CV Computer Vision and Pattern
        Recognition; CY Computers and Society; DB Databases; DC Distributed, Parallel and Cluster Computing; DL Digital Libraries;
        DM Discrete Mathematics; DS Data Structures and Algorithms; ET Emerging Technologies; FL Formal Languages and Automata Theory;
        GL General Literature; GR Graphics; GT Computer Science and Game Theory; HC Human-Computer Interaction; IR Information Retrieval;
        IT Information Theory; LG Machine Learning; LO Logic in Computer Science; MA Multiagent Systems; MM Multimedia; MS Mathematical
        Software; NA Numerical Analysis; NE Neural and Evolutionary Computing; NI Networking and Internet Architecture; OH Other Computer
        Science; OS Operating Systems; PF Performance; PL Programming Languages; RO Robotics; SC Symbolic Computation; SD Sound;
        SE Software Engineering; SI Social and Information Networks; SY Systems and Control""",
    "stat": """AP Applications of Statistics; CO Statistical Computation; ME Statistical Methodology; ML Machine Learning (Statistics);
        OT Other Statistics; TH Statistics Theory""",
    "eess": "AS Audio and Speech Processing; IV Image and Video Processing; SP Signal Processing; SY Systems and Control",
    "math": """AC Commutative Algebra; AG Algebraic Geometry; AP Analysis of Partial Differential Equations; AT Algebraic Topology;
        CA Classical Analysis; CO Combinatorics; CT Category Theory; CV Complex Variables; DG Differential Geometry; DS Dynamical Systems;
        FA Functional Analysis; GM General Mathematics; GN General Topology; GR Group Theory; GT Geometric Topology; HO History and
        Overview; IT Information Theory; KT K-Theory and Homology; LO Logic; MG Metric Geometry; MP Mathematical Physics; NA Numerical
        Analysis; NT Number Theory; OA Operator Algebras; OC Optimization and Control; PR Probability; QA Quantum Algebra; RA Rings and
        Algebras; RT Representation Theory; SG Symplectic Geometry; SP Spectral Theory; ST Statistics Theory""",
    "astro-ph": """CO Cosmology; EP Earth and Planetary Astrophysics; GA Astrophysics of Galaxies; HE High Energy Astrophysical
        Phenomena; IM Instruments and Methods for Astrophysics; SR Solar and Stellar Astrophysics""",
    "cond-mat": """dis-nn Disordered Systems and Neural Networks; mes-hall Mesoscale and Nanoscale Physics; mtrl-sci Materials Science;
        other Other Condensed Matter; quant-gas Quantum Gases; soft Soft Condensed Matter; stat-mech Statistical Mechanics;
        str-el Strongly Correlated Electrons; supr-con Superconductivity""",
    "physics": """acc-ph Accelerator Physics; ao-ph Atmospheric and Oceanic Physics; app-ph Applied Physics; atom-ph Atomic Physics;
        bio-ph Biological Physics; chem-ph Chemical Physics; comp-ph Computational Physics; data-an Data Analysis; ed-ph Physics Education;
        flu-dyn Fluid Dynamics; gen-ph General Physics; geo-ph Geophysics; ins-det Instrumentation and Detectors; med-ph Medical Physics;
        optics Optics; plasm-ph Plasma Physics; soc-ph Physics and Society; space-ph Space Physics""",
    "nlin": "AO Adaptation and Self-Organizing Systems; CD Chaotic Dynamics; PS Pattern Formation and Solitons; SI Integrable Systems",
    "q-bio": """BM Biomolecules; CB Cell Behavior; GN Genomics; MN Molecular Networks; NC Neurons and Cognition; OT Other Quantitative
        Biology; PE Populations and Evolution; QM Quantitative Methods in Biology; SC Subcellular Processes; TO Tissues and Organs""",
    "q-fin": """CP Computational Finance; EC Economics of Finance; GN General Finance; MF Mathematical Finance; PM Portfolio Management;
        PR Pricing of Securities; RM Risk Management; ST Statistical Finance; TR Trading and Market Microstructure""",
    "econ": "EM Econometrics; GN General Economics; TH Theoretical Economics",
}
_ALONE = {
    "gr-qc": "General Relativity and Quantum Cosmology",
    "hep-ex": "High Energy Physics, Experiment",
    "hep-lat": "High Energy Physics, Lattice",
    "hep-ph": "High Energy Physics, Phenomenology",
    "hep-th": "High Energy Physics, Theory",
    "math-ph": "Mathematical Physics",
    "nucl-ex": "Nuclear Experiment",
    "nucl-th": "Nuclear Theory",
    "quant-ph": "Quantum Physics",
}
NAMES: Mapping[str, str] = MappingProxyType(
    {
        f"{archive}.{code}": name
        for archive, listed in _BY_ARCHIVE.items()
        for code, _, name in (entry.partition(" ") for entry in " ".join(listed.split()).split("; "))
    }
    | _ALONE
)


def category_words(category: str) -> str:
    """Return a category's name in words; empty where arXiv has none.

    Examples
    --------
    >>> category_words("cs.CE"), category_words("cond-mat.str-el"), category_words("my-own")
    ('Computational Engineering, Finance and Science', 'Strongly Correlated Electrons', '')
    """
    return NAMES.get(category, "")
