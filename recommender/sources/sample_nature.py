"""Nothing in, six invented topics out: small particles, far stars and living cells."""

from __future__ import annotations

from recommender.sources.sample_words import Pair, Topic, words

__all__ = ["PAIRS"]

CODES = Topic(
    name="quantum error correction",
    categories=("quant-ph", "cs.IT"),
    field="quantum error correction",
    problems=words(
        """real-time decoding of syndromes; magic state preparation; correction of leakage; synthesis of low-overhead
        logical gates; fault-tolerant measurement of high-weight checks; erasure conversion in atom arrays; calibration
        drift between cycles"""
    ),
    methods=words(
        """surface codes; low-density parity-check codes; belief propagation decoders; lattice surgery; flag qubits; code
        switching; bosonic encodings; union-find decoding; dynamical decoupling"""
    ),
    objects=words(
        """logical qubits; stabiliser checks; syndrome histories; ancilla qubits; leaked states; two-qubit gates; magic
        states; correlated errors"""
    ),
    data=words("syndrome records of a simulated 97-qubit chip; the Heron Lake noise traces; LeakSim; the Drift-30 logs"),
    metrics=words("-logical error rate; -decoding delay; threshold; -qubit overhead; gate fidelity"),
    applications=words(
        """early fault-tolerant devices; quantum repeaters; chemistry on logical qubits; trapped-ion modules; neutral-atom
        arrays"""
    ),
    gaps=words(
        """decoders assume noise that no device has; leakage turns independent errors into bursts; overhead estimates leave
        out classical latency; thresholds are quoted for infinite codes; logical gates are an order of magnitude worse
        than memory"""
    ),
    findings=words(
        """logical errors fall by a factor of {x} with each step in distance; decoding keeps up with a cycle of {n} hundred
        nanoseconds; {p} percent of the failures trace back to two couplers; erasures double the threshold; leakage
        spreads along {n} neighbouring sites; recalibrating weekly is not enough"""
    ),
    claims=words(
        r"""the code family has distance $\Omega(\sqrt{n})$ and constant rate; decoding succeeds with probability
        $1-e^{-\Omega(d)}$; no transversal gate set is universal; the decoder runs in $O(n \log n)$"""
    ),
)

MATERIALS = Topic(
    name="quantum materials",
    categories=("cond-mat.str-el", "cond-mat.supr-con"),
    field="strongly correlated electron systems",
    problems=words(
        """pairing symmetry of layered superconductors; magnetic order in frustrated lattices; charge order in kagome
        metals; tuning of moire flat bands; strange-metal transport; identification of spin liquids; the pressure-driven
        metal-insulator transition"""
    ),
    methods=words(
        """angle-resolved photoemission; dynamical mean-field theory; inelastic neutron scattering; density matrix
        renormalisation; high-pressure transport; muon spin rotation; functional renormalisation; resonant x-ray
        scattering; scanning tunnelling spectroscopy"""
    ),
    objects=words(
        """kagome lattices; flat bands; Cooper pairs; frustrated magnets; twisted bilayers; Fermi surfaces; spinon
        continua; vortex cores"""
    ),
    data=words(
        """single crystals grown by flux; samples of twist angle near 1.1 degrees; powder diffraction down to 40 mK; field
        sweeps up to 32 tesla"""
    ),
    metrics=words("critical temperature; gap size; -residual resistivity; ordered moment; scattering rate"),
    applications=words("superconducting magnets; spintronic memories; thermoelectric coolers; cryogenic sensing"),
    gaps=words(
        """competing orders differ by less than the experimental resolution; disorder mimics the signatures of a spin
        liquid; transport and spectroscopy disagree about the gap; calculations stop at clusters of a few sites; samples
        of nominally equal composition behave differently"""
    ),
    findings=words(
        """the gap closes at {n} kelvin well above the transport transition; doping by {n} percent destroys the ordered
        moment; the linear resistivity extends over {n} decades; nodes lie along the zone diagonal; strain selects one
        of three domains; the flat band shifts by {n} meV under pressure"""
    ),
    claims=words(
        r"""the ground state breaks time reversal below a critical coupling; entanglement entropy acquires a $\log L$
        correction; the anomalous exponent equals one within error"""
    ),
)

PLANETS = Topic(
    name="exoplanets",
    categories=("astro-ph.EP", "astro-ph.IM"),
    field="exoplanet characterisation",
    problems=words(
        """detection of small transits around active stars; retrieval of atmospheric composition; the radius gap of warm
        planets; tidal evolution of compact systems; direct imaging at small separations; escape of primordial
        atmospheres; timing of resonant chains"""
    ),
    methods=words(
        """transit photometry; radial-velocity monitoring; transmission spectroscopy; coronagraphic imaging;
        Gaussian-process detrending; atmospheric retrieval codes; population synthesis; phase-curve modelling;
        cross-correlation spectroscopy"""
    ),
    objects=words(
        """sub-Neptunes; host stars; transit depths; water absorption bands; resonant chains; starspots; debris discs; hot
        Jupiters"""
    ),
    data=words(
        """the Quiet Dwarfs survey; NightSky-Transit DR2; the Amber spectrograph archive; TwinSuns-400; the Ring of Dust
        sample"""
    ),
    metrics=words(
        """detection completeness; -radial-velocity scatter; spectral evidence; -timing residuals; contrast at small
        separation"""
    ),
    applications=words(
        """target lists for space telescopes; habitability studies; planet formation models; occurrence statistics"""
    ),
    gaps=words(
        """stellar activity imitates planets of a few metres per second; retrievals depend on clouds that cannot be seen;
        occurrence rates rest on a handful of detections; ages of host stars are hardly known; hydrogen escape and
        gas-poor formation predict the same gap"""
    ),
    findings=words(
        """{n} of the candidates survive vetting; the gap shifts by {p} percent between young and old hosts; water is
        detected at {n} sigma while methane is absent; planets in resonance lose less gas; spots explain {p} percent of
        the apparent slope; a cloud deck near {n} millibar fits all epochs"""
    ),
    claims=words(
        """resonant chains are stable below a mass of $10^{-4}$ stellar masses; mass loss scales as the cube of radius; two
        spectra suffice to break the cloud degeneracy"""
    ),
)

COSMOLOGY = Topic(
    name="cosmology",
    categories=("astro-ph.CO", "astro-ph.GA"),
    field="observational cosmology",
    problems=words(
        """intrinsic alignment of galaxies; calibration of photometric redshifts; reionisation history; tension in the
        expansion rate; clustering of faint quasars; baryonic suppression of the power spectrum; mass calibration of
        galaxy clusters"""
    ),
    methods=words(
        """weak lensing tomography; galaxy clustering statistics; hydrodynamical simulations; simulation-based emulators;
        intensity mapping; strong-lens time delays; peak statistics; shear calibration; halo occupation models"""
    ),
    objects=words(
        """dark matter haloes; galaxy shapes; redshift distributions; cosmic voids; matter power spectra; quasar
        sightlines; lensed arcs; hydrogen clouds"""
    ),
    data=words("the Meridian wide survey; ShearField Y3; the Copper simulations; LyGrove spectra; DeepTile-7"),
    metrics=words(
        """figure of merit; -redshift bias; -covariance error; signal-to-noise ratio; consistency with distance ladders"""
    ),
    applications=words("dark energy constraints; neutrino mass limits; survey planning; tests of gravity"),
    gaps=words(
        """small scales are cut because feedback is uncertain; blending biases shapes at faint magnitudes; covariances rest
        on too few mock catalogues; redshift errors are not Gaussian where it counts; different probes are combined as
        if their systematics were independent"""
    ),
    findings=words(
        """the clustering amplitude lies {n} percent below early-time predictions; alignment grows with luminosity but not
        with redshift; voids contribute {p} percent of the information; feedback reaches scales of {n} megaparsecs; the
        tension drops to {x} sigma once calibration is marginalised; blends matter more than noise"""
    ),
    claims=words(
        """peak counts carry information beyond two-point statistics at order $O(k^3)$; the alignment kernel is fixed by
        symmetry; emulator error is subdominant above a hundred nodes"""
    ),
)

PROTEINS = Topic(
    name="protein design",
    categories=("q-bio.BM", "cs.LG"),
    field="computational protein design",
    problems=words(
        """design of binders for flat surfaces; prediction of mutational effects; docking with flexible side chains; enzyme
        design beyond natural folds; antibody humanisation; modelling of disordered regions; stability at high
        temperature"""
    ),
    methods=words(
        """equivariant structure networks; inverse folding; backbone diffusion; deep mutational scanning; molecular
        dynamics; energy-based rescoring; ancestral sequence reconstruction; yeast display screens; coevolution analysis"""
    ),
    objects=words(
        """amino acid sequences; binding interfaces; backbone torsions; disordered loops; active sites; designed binders;
        side chains; multiple sequence alignments"""
    ),
    data=words("FoldOrchard; the Velvet binding panel; MutaScan-88; the Hot Spring enzymes; LoopLab"),
    metrics=words(
        """experimental hit rate; rank correlation with fitness; -backbone deviation; binding affinity; melting temperature"""
    ),
    applications=words(
        """snake bite antidotes; plastic degradation; vaccine scaffolds; diagnostic biosensors; industrial catalysts"""
    ),
    gaps=words(
        """designs are chosen by the model that proposed them; flexible loops are left to chance; fitness data come from a
        few well-behaved proteins; failed designs are never published; binding is predicted without water or salt"""
    ),
    findings=words(
        """{n} of 96 designs bind at nanomolar affinity; melting temperature rises by {n} degrees; confidence scores
        separate binders only within one fold; a third of the beneficial mutations lie far from the active site; {p}
        percent of the failures aggregate; sequence diversity matters more than backbone accuracy"""
    ),
    claims=words(
        r"""inverse folding is well posed up to rotamer symmetry; epistasis of order three is needed to explain the
        landscape; the energy gap scales as $\sqrt{n}$ for random sequences"""
    ),
)

CELLS = Topic(
    name="single-cell genomics",
    categories=("q-bio.GN", "q-bio.QM"),
    field="single-cell genomics",
    problems=words(
        """batch correction across laboratories; inference of developmental trajectories; annotation of rare cell types;
        prediction of perturbation response; spatial mapping of dissociated cells; doublet detection; reconstruction of
        lineage trees"""
    ),
    methods=words(
        """variational autoencoders for counts; optimal transport between time points; RNA velocity; pooled CRISPR screens;
        spatial transcriptomics; negative binomial models; nearest-neighbour graphs of cells; foundation models of
        expression; barcode tracing"""
    ),
    objects=words(
        """cell types; gene expression counts; tissue sections; marker genes; pseudotime orderings; perturbed cells;
        chromatin peaks; ambient transcripts"""
    ),
    data=words("the Coral atlas; SpleenMap-2M; PerturbGarden; the Zebra Embryo series; TissueTiles"),
    metrics=words(
        """integration score; label transfer accuracy; -doublet rate; correlation of predicted response; lineage recall"""
    ),
    applications=words("tumour microenvironments; organ development; immune ageing; drug screening; crop breeding"),
    gaps=words(
        """correction removes biology together with batch; trajectories are drawn where no cell ever travelled; linear
        baselines are missing from most comparisons; rare types are clustered away; annotations are copied from atlas to
        atlas with their mistakes"""
    ),
    findings=words(
        """a linear model explains {p} percent of the perturbation response; {n} marker genes suffice for annotation;
        doublets masquerade as transitional states; velocity reverses in {n} of the tissues; laboratories differ more
        than donors; spatial neighbours sharpen rare types"""
    ),
    claims=words(
        r"""trajectories are not identifiable from snapshots without growth rates; transport plans are stable under
        $O(1/\sqrt{n})$ sampling noise; count noise inflates correlation by a known factor"""
    ),
)

PAIRS = (
    Pair(
        CODES,
        MATERIALS,
        words(
            """tensor networks; variational quantum circuits; Monte Carlo sampling; topological order; Clifford simulation;
        randomised measurement protocols"""
        ),
        words("anyonic excitations; spin chains; superconducting devices; entangled ground states; phase transitions"),
    ),
    Pair(
        PLANETS,
        COSMOLOGY,
        words(
            """hierarchical population models; survey selection functions; spectroscopic follow-up; forward modelling of
        images; neural density estimation; injection and recovery tests"""
        ),
        words("telescope images; spectra; survey catalogues; instrumental systematics; stellar populations"),
    ),
    Pair(
        PROTEINS,
        CELLS,
        words(
            """protein and gene language models; masked sequence pretraining; contrastive embeddings; active learning of
        experiments; graph attention over molecules; Bayesian optimisation of assays"""
        ),
        words("regulatory sequences; wet-lab assays; mutant libraries; sequencing reads; gene variants"),
    ),
)
