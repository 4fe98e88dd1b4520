"""Nothing in, six invented topics out: machines that see, draw and move."""

from __future__ import annotations

from recommender.sources.sample_words import Pair, Topic, words

__all__ = ["PAIRS"]

SCENES = Topic(
    name="3D scene reconstruction",
    categories=("cs.CV", "cs.GR"),
    field="neural scene reconstruction",
    problems=words(
        """novel view synthesis from few photographs; surface recovery of reflective objects; relighting of captured rooms;
        joint estimation of pose and geometry; compression of radiance fields; reconstruction of deforming scenes;
        indoor layout completion"""
    ),
    methods=words(
        """Gaussian splatting; signed distance fields; hash-grid encodings; differentiable rendering; multi-view stereo
        priors; photometric bundle adjustment; view-dependent opacity models; tri-plane factorisation; monocular normal
        cues"""
    ),
    objects=words(
        """radiance fields; handheld captures; camera poses; glossy surfaces; sparse viewpoints; textureless walls; splat
        primitives; shadow boundaries"""
    ),
    data=words("the Attic scans; GlassHouse-48; the Old Town captures; ShinyShelf; RoomLoop"),
    metrics=words("peak signal-to-noise ratio; -perceptual distance; -surface distance; rendering speed; -memory per scene"),
    applications=words(
        """museum digitisation; virtual property tours; film set previews; furniture planning; heritage conservation"""
    ),
    gaps=words(
        """quality collapses as soon as fewer than ten views are given; mirrors and windows are reconstructed as holes;
        optimisation takes hours on a single room; lighting is baked into colour; camera poses are assumed to be exact"""
    ),
    findings=words(
        """{n} photographs are enough for a closed room; normals stabilise geometry more than depth does; pose errors
        explain {p} percent of the blur; pruning removes most primitives without visible loss; relighting fails first at
        contact shadows; texture hides geometric mistakes from standard metrics"""
    ),
    claims=words(
        r"""the inverse rendering problem is identifiable from three known lights; splat count grows as $O(A/\epsilon)$ with
        surface area; pose refinement converges linearly near the true trajectory"""
    ),
)

DRIVING = Topic(
    name="driving perception",
    categories=("cs.CV", "cs.RO"),
    field="perception for automated driving",
    problems=words(
        """detection of distant pedestrians; lane topology estimation; occupancy forecasting at junctions; sensor fusion in
        heavy rain; tracking through long occlusion; recognition of rare road users; online calibration of vehicle
        cameras"""
    ),
    methods=words(
        """bird's-eye-view transformers; radar-camera fusion; query-based detectors; temporal occupancy grids; map-prior
        attention; pseudo-labels from fleet logs; motion-compensated voxels; evidential heads; lane-graph decoding"""
    ),
    objects=words(
        """lidar sweeps; lane boundaries; traffic participants; surround-view cameras; occupancy voxels; radar returns;
        occluded cyclists; wet-road reflections"""
    ),
    data=words("RainyRing; the Junction-12 logs; NightBus; the Gravel Roads set; CrossingFleet"),
    metrics=words(
        """mean average precision; -tracking switches; lane connectivity; -collision-relevant misses; occupancy overlap"""
    ),
    applications=words("urban shuttles; motorway lorries; mining trucks; driver assistance in small cars; harbour logistics"),
    gaps=words(
        """benchmarks average over objects that never matter for planning; rain and dusk are a footnote of most data sets;
        high-definition maps are out of date by the time they ship; rare road users are rare in training as well;
        detectors are tuned on sensors that production cars do not carry"""
    ),
    findings=words(
        """radar recovers {p} percent of the pedestrians lost in rain; two seconds of history are enough for most
        occlusions; map errors hurt less than late maps; half of the misses lie beyond {n} metres; distance-aware losses
        trade near accuracy for far recall; calibration drift goes unnoticed for weeks"""
    ),
    claims=words(
        r"""fusion risk is bounded by the better sensor plus a synchronisation term; occupancy forecasts lose one bit per
        {n} metres; lane topology can be decoded in $O(n \log n)$"""
    ),
)

MANIPULATION = Topic(
    name="robot manipulation",
    categories=("cs.RO", "cs.LG"),
    field="dexterous robot manipulation",
    problems=words(
        """grasping of deformable objects; bimanual assembly with tight tolerances; tool use from a single demonstration;
        contact-rich insertion; bin picking of transparent items; cloth folding; language-conditioned tabletop
        rearrangement"""
    ),
    methods=words(
        """diffusion policies; tactile servoing; keypoint affordances; action chunking; teleoperated demonstrations;
        grasp-quality networks; compliance control; skill libraries; visuo-tactile fusion"""
    ),
    objects=words(
        """two-finger grippers; tactile images; household tools; cables and cloths; grasp candidates; wrist cameras;
        assembly parts; contact forces"""
    ),
    data=words("the DrawerSet; PegBench-60; the Laundry trials; ToolHouse; GripWild"),
    metrics=words(
        """success rate; -demonstrations needed; -peak contact force; cycle time consistency; generalisation to unseen
        objects"""
    ),
    applications=words(
        """warehouse picking; hospital supply rooms; electronics assembly; kitchen assistance; laboratory automation"""
    ),
    gaps=words(
        """policies memorise the table they were recorded on; touch is measured but rarely used; demonstrations are counted
        but not costed; soft objects break the assumptions behind grasp planners; success is reported without the
        attempts that were reset by hand"""
    ),
    findings=words(
        """{n} demonstrations with touch match ten times as many without; most failures occur in the last {n} millimetres;
        chunked actions smooth over camera delay; retrying is worth more than planning; {p} percent of the unseen
        objects are handled at first try; wrist views matter more than external ones"""
    ),
    claims=words(
        r"""force closure is preserved under bounded compliance; imitation error grows at most linearly with chunk length;
        insertion with passive compliance succeeds for every clearance above $\epsilon$"""
    ),
)

LOCOMOTION = Topic(
    name="legged locomotion",
    categories=("cs.RO", "eess.SY"),
    field="learning-based legged locomotion",
    problems=words(
        """stair climbing with proprioception only; recovery from falls; gait transition at changing speed; walking on
        loose gravel; energy-aware trotting; payload adaptation of quadrupeds; humanoid balance under pushes"""
    ),
    methods=words(
        """massively parallel simulation; privileged teacher policies; whole-body model predictive control; central pattern
        generators; terrain curricula; reflex controllers; actuator networks; foothold planners; symmetry-augmented
        training"""
    ),
    objects=words(
        """quadruped robots; foot contacts; joint torques; uneven terrains; gait phases; ground reaction forces; base
        velocities; elevation maps"""
    ),
    data=words("the Scree trials; StairWalk-20; PushBench; the Forest Path logs; GaitHouse"),
    metrics=words("-cost of transport; -fall rate; velocity tracking; traversal success; -torque peaks"),
    applications=words(
        """inspection of power stations; search after earthquakes; forest inventory; parcel delivery; planetary analogue
        missions"""
    ),
    gaps=words(
        """simulated ground is never as soft as moss; controllers are retuned for every payload; energy is an afterthought
        of most rewards; falls end the episode instead of starting the interesting part; hardware tests last minutes
        rather than shifts"""
    ),
    findings=words(
        """blind walking climbs stairs of {n} centimetres; most energy is lost at touchdown; actuator models explain {p}
        percent of the sim-to-real gap; gaits emerge without being prescribed; recovery training also lowers the fall
        rate; symmetry halves the training time"""
    ),
    claims=words(
        r"""periodic gaits are locally exponentially stable under bounded slip; the foothold problem is solvable in $O(n
        \log n)$; capture regions shrink linearly with payload"""
    ),
)

GENERATION = Topic(
    name="image generation",
    categories=("cs.CV", "cs.LG"),
    field="diffusion-based image synthesis",
    problems=words(
        """few-step sampling of diffusion models; compositional prompt following; consistent characters across images;
        localised image editing; watermarking of generated pictures; text rendering inside images; memorisation of
        training images"""
    ),
    methods=words(
        """flow matching; latent consistency distillation; classifier-free guidance schedules; cross-attention control;
        rectified trajectories; reference-image adapters; reward-guided fine-tuning; token-wise layout conditioning;
        noise inversion"""
    ),
    objects=words(
        """text prompts; latent codes; denoising trajectories; guidance scales; generated portraits; attention maps; style
        references; spatial layouts"""
    ),
    data=words("PromptMosaic; the Paper Lantern set; TwinFaces-Synthetic; SignboardBench; the Collage prompts"),
    metrics=words("-Frechet distance; prompt alignment; aesthetic preference; -sampling steps; watermark recall"),
    applications=words(
        """storyboard drafting; product photography; picture book illustration; game asset design; fashion previews"""
    ),
    gaps=words(
        """prompts with three objects still lose one; guidance buys fidelity at the price of variety; editing a detail
        changes the whole picture; distilled samplers are compared at different budgets; memorised pictures are found
        only after release"""
    ),
    findings=words(
        """{n} steps match the full sampler on photographs but not on text; early steps fix layout and late steps fix
        faces; {p} percent of the missing objects can be predicted from attention maps; variety falls long before
        fidelity does; duplicates in training data explain most memorisation; raters prefer saturated images regardless
        of the prompt"""
    ),
    claims=words(
        """straight trajectories minimise discretisation error at order $O(h^2)$; guidance tilts the density away from its
        support; no watermark survives every invertible edit"""
    ),
)

MEDICAL = Topic(
    name="medical imaging",
    categories=("eess.IV", "cs.CV"),
    field="medical image analysis",
    problems=words(
        """segmentation of small lesions; domain shift between scanners; accelerated magnetic resonance reconstruction;
        dose reduction in tomography; triage of chest radiographs; registration of follow-up scans; grading of retinal
        disease"""
    ),
    methods=words(
        """unrolled reconstruction networks; anatomy-aware augmentation; deformable registration; test-time adaptation;
        uncertainty-guided annotation; boundary-weighted losses; atlas priors; scanner harmonisation; multi-reader
        consensus labels"""
    ),
    objects=words(
        """tomography slices; lesion masks; radiology reports; undersampled k-space lines; retinal photographs; follow-up
        scans; organ boundaries; annotating radiologists"""
    ),
    data=words("the Northbay liver scans; RetinaRow; ChestQuiet-9k; the Two Scanners study; KneeSpace"),
    metrics=words(
        """overlap with expert contours; sensitivity at fixed specificity; -boundary distance; -scan time; reader agreement"""
    ),
    applications=words("tumour follow-up; emergency radiology; diabetic eye screening; radiotherapy planning; rural clinics"),
    gaps=words(
        """models are validated in the hospital that trained them; annotators disagree where it matters most; prevalence in
        test sets bears no relation to clinics; tiny lesions vanish in averaged scores; reconstruction is judged by
        pixels instead of by diagnoses"""
    ),
    findings=words(
        """{p} percent of the missed lesions are smaller than a centimetre; scanner identity can be read from background
        noise alone; two readers per case are worth more than twice the cases; scan time falls by {p} percent without
        change in diagnosis; uncertainty flags {n} of ten errors; adaptation helps old scanners most"""
    ),
    claims=words(
        """reconstruction is stable when the sampling mask satisfies a restricted isometry; consensus labels converge with
        $O(1/n)$ readers; overlap scores are inconsistent estimators of lesion counts"""
    ),
)

PAIRS = (
    Pair(
        SCENES,
        DRIVING,
        words(
            """depth completion networks; self-supervised depth; voxel transformers; feature-metric alignment; temporal fusion;
        geometry-aware pretraining"""
        ),
        words("point clouds; depth maps; street scenes; moving objects; camera rigs"),
    ),
    Pair(
        MANIPULATION,
        LOCOMOTION,
        words(
            """sim-to-real transfer; domain randomisation; reinforcement learning with privileged information; imitation
        learning; world models; impedance control"""
        ),
        words("contact events; physical robots; simulated rollouts; proprioceptive histories; control policies"),
    ),
    Pair(
        GENERATION,
        MEDICAL,
        words(
            """latent diffusion models; denoising priors; masked image pretraining; synthetic data augmentation; vision
        transformers; score-based inverse solvers"""
        ),
        words("synthetic images; noise levels; high-resolution images; image patches; imaging artefacts"),
    ),
)
