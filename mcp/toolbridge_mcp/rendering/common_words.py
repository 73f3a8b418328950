"""Common English words of four letters or more, each of which is one token to every usual tokenizer."""

_TEXT = """
ability able about above absolutely abstract accept access accident according account accounts accurate
achieve across action actions active activity actual actually adapt added adding addition additional address
adjust admin advance advanced advantage advertising affect after again against agent agree agreed agreement
ahead alert align allow allowed allowing allows almost alone along already also alter alternative although
always among amount analysis angle another answer answers anyone anything anywhere apart appear appearance
appears append applicable application applications applied apply approach appropriate approximately apps
area areas argument arguments around array article asked asking aspects assign assist associated attack
attempt attention attribute attributes audience audio author auto automatically available average avoid
await aware away axis back background bare base based basic basis batch became because become becomes
becoming been before begin beginning behavior behind being believe below benefit best better between beyond
biggest binary binding black blank block blue board body bonus book boolean border both bottom bound branch
brand break brief bright bring broken brought browser budget buffer build builder building built business
busy button byte bytes cache call callback called calling calls came campaign cancel candidate cannot canvas
capacity capital card cards care carry case cases cast catch categories category cause caused causes cell
cells center central certain certainly chain challenge challenges chance change changed changes changing
channel character characters charge cheap check checked child children choice choices choose chose chosen
city claim claims classes classic clean cleaning clear clearly click client clients clock close closed code
collect collection color colors colour column columns combination combined come comes coming command comment
comments commercial commit common communication communities community company compare compared compat
complete completed completely complex compliance component components comprehensive computer concept concern
concerns condition conditions confidence configuration confirm connect connected connection consider
considered considering consist console constant construct construction constructor consult consumer
consumers contact contain container containing contains content contents context continue continued
continues contract control controller convenient convert cookies cool copy copyright core corner correct
correspond cost costs could count counter couple course cover coverage covered create created creating
creation critical cross current currently cursor custom customer customers cycle dark data database date
dates days dead deal deals debug decide decided decision decisions dedicated deep default define defined
definitely definition degree delay delete deliver delivered delivery demand depend depending depth describe
described description design designed despite destination destroy detail detailed details detect determine
determined developed development device devices dialog died dies differ difference different difficult
direct direction directly directory disabled discover discovered discussion dispatch display distance
distinct distributed distribution document documents does doing domain done double down download draw drive
driver drop dump duration during dynamic each earlier early easier easily easy edge edit editor effect
effective effects efficient effort eight either element elements else email empty enable enabled ended ends
energy engine engineering enough ensure enter entire entity entry environment equal error errors especially
essential establish established even event events ever every everyone everything evidence exact exactly
example examples except exception excess exchange exclusive execute exercise exist existing exists exit
expand expect expected expensive explain explore export express expression extension external extra extract
extremely face facilities facility fact factor factors factory fail failed failure fair fall false familiar
families family famous fashion fast faster favor favour feature features feed feedback feel feels fetch
field fields figure file files fill filled filter final finally find finding fine finish finished fire first
fish five fixed flag flat floor flow focus focused folder follow followed following font force forces
foreign forget form format former forms forward found four frame free fresh friendly friends from front full
fully function functions further future gain game gather gave general generally generate generated
generation gets getting give given gives giving global goal goes going gone good graph great greater
greatest green grid ground group groups grow growing growth guarantee guard guess guide half hand handle
handler hands hang happen happened happens happy hard harm hash have having head header headers health hear
heavy height held help helpful helps here hidden hide high higher highest highlight highly history hold
holding home hook hope host hour hours however html huge human icon idea ideal ideas identify identity image
images immediately impact implement implementation implied import important improve include included
includes including increase increased increasing independent index individual influence info inform
information initial inline inner input insert inside install installation installed instance instant instead
instructions instrument integer intended intent interest interested interesting interface interior internal
international internet interval into invalid involved issue issues item items itself jobs join joined joint
journal jump just justify keep keeping kept keys kids kill kind kinds know knowledge known knows label
labels lack language large larger largest last late later latest launch layer layout lead leader leading
leads least leave leaves leaving left legal length less letter level levels library license life light like
likely limit limitations limited line lines link linked links list listed listen listing little live lives
load loaded loading local located location locations lock logger login long longer look looked looking looks
loop lose loss lost lots lower machine machines made mail main maintain maintenance major make makes making
manage managed management manager manifest manner manual many margin mark mask mass master match matches
material materials math matrix matter maximum maybe mean meaning means meant measure measures media medium
meet member members memory mention mentioned menu message messages meta method methods middle might million
mind minimum minor minute minutes miss missing mixed mock mode model models modern modify module moment
monitor month months more most mostly mount mouse move moved movement moving much multiple music must name
named names namespace native natural nature near nearly necessary need needed needs negative neighbor
network never next nice node nodes normal note notes nothing notice number numbers numerous object objects
obtain obvious occur offer offered offers official offset often older once ones online only onto open opened
opening operating operation operations operator opportunity option options order orders organization
organizations orient origin original other others otherwise output outside over overall override owner
owners pack package padding page pages paint pair panel paper parameter parameters parent parents parse
parser part partial particular particularly parties parts party pass passed password past path pattern
payload people percent perfect perform performance performed perhaps period permission permissions permit
person phase physical pick pictures piece pieces place placed placeholder places plan plane platform play
please plot plugin plus point pointer points policies policy poll pool poor popular population position
positions positive possible possibly post potential power powerful practice practices prefer prepare
prepared presence present presented press pretty prevent previous previously primary prime principal private
probably problem problems procedure process processes processing produce produced product production
products profile program programs progress project projects promote prompt proper properly properties
property protect protected protection protocol provide provided provider providers provides providing public
publish published pull pump pure purpose purposes push putting quality quantity query question queue quick
quickly quiet quite quote race raise raised random range rank rare rate rather rating reach reached read
reader readers reading readonly ready real reality really reason reasons receive received recent recently
recipe recommend recommended record records redirect reduce reduced refer reference reflect refresh
regarding region register registered registration regular reject related relations relationship
relationships relative release released relevant reliable remain remaining remains remember remote remove
removed render replace reply report reported reports represent request requested requests require required
requirements requires reserved reset resolve resource resources respect respond response responsibility
responsible rest result results return returned returns rich right rights ring risk role roll room root
round route router rows rule rules running runs safe safety said salt same sample samples save saved says
scale scan schedule scope score screen script scroll search second seconds secret section secure security
seed seeing seek seeking seem seems seen segment select selected selection sell send sender sense sent
separate sequence serial series serious serve served server service services session sets setting settings
setup seven several shall shape share shared shares sharing shift short shot should show showed showing
shown shows side sign signal signed significant significantly similar simple simply since single site sites
situation size sizeof sizes skill skills skip sleep slightly slot slots slow small smaller smart smooth
socket soft software sole solid solution solutions some someone something sometimes soon sort sound source
sources space special specific specifically specified speed spent spirit split spot spread spring square
stack stage stand standard standards star start started starting starts state stated statement states static
status stay step steps stick still stop storage store stored stores straight strategies strategy stream
strength strict string strong structure stuff style styles subject submit success successful successfully
such suffer sugar suggest suit suitable suite summer super supply support supported supports sure surface
switch symbol system systems table tables tags tail take taken takes taking talking target task tasks team
technique tell temperature template tempor tend term terms test testing tests text than thanks that their
them theme themselves then there therefore these they thing things think thinking third this those though
thought thousands thread three through throughout throw throws thus ticket time timer times title today
together token told took tool tools topic topics total totally touch toward towards track traditional
traffic trail training trait transaction transfer transform transition transport treat treatment tree trees
trial tried trigger trip true truly trust truth trying turn turned type types typically undefined under
understand understanding unique unit units unless unsigned until update updated updates upload upon upper
usage used useful user username users uses using usually valid validate value values variable variables
variant variety various vary vector verb verify version very video videos view views virtual visible visit
visitors visual volume wait waiting walk walking wall want wanted wants warrant warranty waste watch water
ways weak week weeks weight welcome well went were what whatever when where whether which while white whole
whom whose wide widget width wild will willing wind window windows winter wire wish with within without word
words work worked workers working works world worry worth would write writer writing written wrong wrote
year years yield your yourself zero zone
"""

COMMON_WORDS = frozenset(_TEXT.split())
